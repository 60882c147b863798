import type { KindTable } from '../kinds/kind-table.js';
import { predicateBehaviours } from '../models/predicates.js';
import { resourceBehaviours } from '../models/resource-selection.js';
import { seriesBehaviours } from '../models/series-suppliers.js';
import { siteBehaviours } from '../models/site-access.js';
import { supplierBehaviours } from '../models/suppliers.js';
import { variableBehaviours } from '../models/variables.js';
import { Behaviours } from '../resolve/behaviours.js';

/** builtInBehaviours is what the SDK's kinds do. */
export const builtInBehaviours = (kinds: KindTable): Behaviours =>
  new Behaviours(kinds, {
    ...supplierBehaviours,
    ...seriesBehaviours,
    ...siteBehaviours,
    ...predicateBehaviours,
    ...variableBehaviours,
    ...resourceBehaviours,
  });
