import type { OrgAccess } from '@nm/features/access';
import type { Actor } from '@nm/features/licences';

/** actorOf names who acts in which organisation. */
export const actorOf = ({ id, actorId }: OrgAccess): Actor => ({ orgId: id, actorId });
