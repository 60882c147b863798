import { Fault } from '@nm/kernel/fault';
import { z } from 'zod';

const Input = z.record(z.string(), z.unknown());
const Line = z.looseObject({
  step: z.string(),
  input: Input.default({}),
  expect: z.enum(['positive', 'negative', 'invalid']).default('positive'),
});
const Simulator = z.looseObject({
  operation: z.string(),
  preflight: z.boolean().default(false),
  validations: z.boolean().default(true),
  steps: z.array(Line).optional(),
  stages: z.array(z.looseObject({ steps: z.array(Line) })).optional(),
});

/** Script is a rehearsal: which operation, and what is typed in which step. `expect: invalid` is input that a field must refuse. */
export interface Script {
  readonly id: string;
  readonly operation: string;
  readonly preflight: boolean;
  readonly validations: boolean;
  readonly lines: readonly z.infer<typeof Line>[];
}

/** scriptOf reads an OperationRunSimulator, in the form with stages or the one without. @throws Fault descriptor_failed */
export function scriptOf(config: unknown, id: string): Script {
  const read = Simulator.safeParse(config);
  if (!read.success)
    throw new Fault('descriptor_failed', {
      public: `The simulator "${id}" cannot be read: ${z.prettifyError(read.error)}`,
    });
  const { operation, preflight, validations, steps, stages } = read.data;
  const lines = steps ?? (stages ?? []).flatMap((stage) => stage.steps);
  if (lines.length === 0) throw new Fault('descriptor_failed', { public: `The simulator "${id}" names no steps.` });
  return { id, operation: operation.replace(/^id::/, ''), preflight, validations, lines };
}
