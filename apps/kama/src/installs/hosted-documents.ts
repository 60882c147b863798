import { KamaDocument } from '@nm/kernel/contracts';
import type { ApiCall } from './call-api.js';
import type { DocumentStore } from './operation-states.js';

/** documentsOf remembers things in NMachine's database, sealed, under the install of the caller. */
export const documentsOf = (call: ApiCall): DocumentStore => ({
  read: async (name) => KamaDocument.parse(await call('GET', `/v1/kama/documents/${name}`)),
  write: async (name, value, revision) => {
    await call('PUT', `/v1/kama/documents/${name}`, { value, ...(revision === undefined ? {} : { revision }) });
  },
});
