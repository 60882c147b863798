import { EgressPolicy } from '@nm/adapters/egress';
import { Mux } from '@nm/adapters/tunnel';
import { Vault } from '@nm/adapters/vault';
import { FakeClock } from '@nm/kernel/time';
import { describe, expect, it } from 'vitest';
import { HeldTunnels } from './held-tunnels.js';

/** A tunnel whose other end takes everything and says nothing. */
const openMux = (): Mux => new Mux({ carrier: { send: async () => undefined, close: () => undefined } });

function holding(...muxes: Mux[]): HeldTunnels {
  const db = undefined as never;
  const deps = { db, vault: new Vault(Buffer.alloc(32, 1)), policy: new EgressPolicy(), clock: new FakeClock() };
  const held = new HeldTunnels({ ...deps, onError: () => undefined }, () => 'http://127.0.0.1:1');
  held.byCluster.set('clu_a', new Set(muxes));
  return held;
}

describe('HeldTunnels', () => {
  it('picks the tunnel with the fewest streams', () => {
    const [busy, free] = [openMux(), openMux()];
    busy.open();
    expect(holding(busy, free).pick('clu_a')).toBe(free);
    expect(holding(free).pick('clu_b')).toBeUndefined();
  });

  it('picks none that has broken, though its end has not been noticed everywhere', () => {
    const [broken, busy] = [openMux(), openMux()];
    busy.open();
    broken.close('the tunnel broke');
    const held = holding(broken, busy);
    expect(held.pick('clu_a')).toBe(busy);
    busy.close('the tunnel broke');
    expect(held.pick('clu_a')).toBeUndefined();
  });
});
