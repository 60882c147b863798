import { CommaList } from '@nm/adapters/config';
import { z } from 'zod';
import { EgressPolicy } from './egress-policy.js';

/** Variables of every app that dials addresses which others chose. */
export const egressConfig = z
  .object({
    /** CIDR blocks that may be dialled although they are not public, for clusters inside the operator's own network. */
    NM_EGRESS_ALLOW: CommaList.prefault(''),
  })
  .transform((env) => ({ egress: new EgressPolicy({ allow: env.NM_EGRESS_ALLOW }) }));
