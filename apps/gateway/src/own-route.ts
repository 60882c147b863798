import type { FieldFilter, Plan, RequestHead } from '@nm/adapters/proxy';
import { Fault } from '@nm/kernel/fault';

const everything: FieldFilter = { names: [], prefixes: [] };

/** planOwn sends what is not data plane to Nest, which listens for us alone. @throws Fault upgrade_not_supported */
export function planOwn(origin: string, head: RequestHead): Plan<undefined> {
  if (head.upgrade !== undefined) throw new Fault('upgrade_not_supported');
  return {
    target: { origin, path: head.target },
    requestFilter: everything,
    addToRequest: () => undefined,
    answerFilter: everything,
    addToAnswer: () => undefined,
    tag: undefined,
  };
}
