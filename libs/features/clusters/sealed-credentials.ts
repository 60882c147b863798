import type { Db } from '@nm/adapters/db';
import { type SealedPlace, sealedColumn } from '@nm/adapters/vault';
import { aadOf } from './credential.js';

/** credentialPlace lets the sweep of a new master key find the credentials of clusters. */
export const credentialPlace = (db: Db): SealedPlace =>
  sealedColumn(db, { table: 'cluster', column: 'credential', aad: aadOf });
