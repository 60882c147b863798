import type { Db } from '@nm/adapters/db';
import { type SealedPlace, sealedColumn } from '@nm/adapters/vault';
import { aadOf } from './signing-key.js';

/** signingKeyPlace lets the sweep of a new master key find the private parts of signing keys. */
export const signingKeyPlace = (db: Db): SealedPlace =>
  sealedColumn(db, { table: 'signing_key', column: 'private_key', aad: ({ id }) => aadOf(id), ofTenants: false });
