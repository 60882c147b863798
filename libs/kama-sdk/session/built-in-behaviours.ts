import type { KindTable } from '../kinds/kind-table.js';
import { predicateBehaviours } from '../models/predicates.js';
import { prometheusBehaviours } from '../models/prometheus.js';
import { prometheusStates } from '../models/prometheus-states.js';
import { resourceBehaviours } from '../models/resource-selection.js';
import { seriesBehaviours } from '../models/series-suppliers.js';
import { siteBehaviours } from '../models/site-access.js';
import { supplierBehaviours } from '../models/suppliers.js';
import { variableBehaviours } from '../models/variables.js';
import { Behaviours } from '../resolve/behaviours.js';
import type { Behaviour } from '../resolve/model-view.js';

/** builtInBehaviours is what the SDK's kinds do, and those of the publisher. */
export const builtInBehaviours = (kinds: KindTable, own: Readonly<Record<string, Behaviour>> = {}): Behaviours =>
  new Behaviours(kinds, {
    ...own,
    ...supplierBehaviours,
    ...seriesBehaviours,
    ...prometheusBehaviours,
    ...prometheusStates,
    ...siteBehaviours,
    ...predicateBehaviours,
    ...variableBehaviours,
    ...resourceBehaviours,
  });
