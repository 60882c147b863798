import { defineAction, defineEngine, definePredicate, defineSupplier } from '@nm/kama-sdk/define';
import { z } from 'zod';

const season = z.enum(['summer', 'winter']);
const flavours = [
  { id: 'vanilla', title: 'Vanilla', seasons: ['summer', 'winter'] },
  { id: 'lemon', title: 'Lemon', seasons: ['summer'] },
  { id: 'chestnut', title: 'Chestnut', seasons: ['winter'] },
];

/** What can be had in a season; descriptors read it as `{ kind: FlavourMenu, season: … }`. */
const flavourMenu = defineSupplier({
  kind: 'FlavourMenu',
  info: 'The flavours of a season.',
  attributes: { season },
  supply: ({ attributes }) => flavours.filter(({ seasons }) => seasons.includes(attributes.season)),
});

const flavourPredicate = definePredicate({
  kind: 'FlavourPredicate',
  info: 'Whether a flavour can be had in a season.',
  attributes: { season },
  holds: ({ attributes, challenge }) =>
    flavours.some(({ id, seasons }) => id === challenge && seasons.includes(attributes.season)),
  reason: ({ attributes, challenge }) => `There is no ${String(challenge)} in ${attributes.season}`,
});

const passphrasePredicate = definePredicate({
  kind: 'PassphrasePredicate',
  info: 'So many words, each with three letters or more.',
  attributes: { words: z.number().int().positive().default(2) },
  holds: ({ attributes, challenge }) => {
    const words = String(challenge ?? '').split(/\s+/);
    return words.filter((word) => word.length >= 3).length >= attributes.words;
  },
  reason: ({ attributes }) => `Must be at least ${attributes.words} words`,
});

/** Looks at the cluster, then says what is to be done: the run engine does it. */
const churn = defineAction({
  kind: 'ChurnAction',
  title: 'Churn',
  info: 'Makes a batch in every freezer that is ready.',
  attributes: { litres: z.coerce.number().int().min(1).max(100) },
  plan: async ({ attributes: { litres }, context }) => {
    const [freezers] = await context.resources({ res_kind: 'Deployment', name: 'icecream' });
    const ready = Number((freezers?.['status'] as { readyReplicas?: number } | undefined)?.readyReplicas ?? 0);
    if (ready === 0) context.fail('No freezer is ready to take a batch.', { type: 'no_freezer' });
    const batch = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'icecream-batch' } };
    return {
      steps: [
        {
          kind: 'apply',
          title: 'Write the batch down',
          manifests: [{ ...batch, data: { litres: String(litres * ready), at: context.now().toISOString() } }],
        },
      ],
      logs: [`${litres} litres for each of ${ready} freezers`],
    };
  },
});

const toppings = defineEngine('toppings', {
  defaults: () => ({ topping: 'sprinkles' }),
  template: ({ values, version }) => [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'icecream-topping', annotations: { 'acme.example/version': version ?? 'none' } },
      data: { topping: String(values['topping']) },
    },
  ],
});

/** What `nmachine-kama … --models` registers. */
export const models = [flavourMenu, flavourPredicate, passphrasePredicate, churn, toppings];
