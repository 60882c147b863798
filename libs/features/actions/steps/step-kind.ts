import type { AccessQuestion } from '@nm/adapters/k8kat';
import type { ObjectRef, StepKind } from '@nm/kernel/contracts';
import type { PlanIssue } from '../plan/plan-issue.js';
import type { StepContext, StepExecutor, StepOf } from './step-context.js';

/** NeedList collects the permissions that a step needs on the cluster. */
export interface NeedList {
  /** Verbs on one object. `unlessPresent`: needed only while it does not exist. */
  object(ref: ObjectRef, verbs: readonly string[], options?: { readonly subresource?: string }): Promise<void>;
  /** Creating the object, which is needed only while it does not exist. */
  creation(ref: ObjectRef): Promise<void>;
  /** Anything else, in the install's namespace when none is named. */
  question(question: Omit<AccessQuestion, 'namespace'> & { readonly namespace?: string }): void;
}

/** How a step is previewed: by doing it with dry runs, not at all since it changes nothing, or not at all for a reason. */
export type StepPreview = 'dry-run' | 'reads' | { readonly cannot: string };

/** StepKindSpec is all that is known of one kind of step. A new kind is one file with this, and one line in the registry. */
export interface StepKindSpec<K extends StepKind> {
  readonly execute: StepExecutor<K>;
  /** Lists what the step needs to be allowed; asked before anything is changed. */
  readonly needs: (step: StepOf<K>, needs: NeedList) => Promise<void> | void;
  readonly preview: StepPreview;
  /** Members of what it gives that later steps may refer to. */
  readonly outputs?: readonly string[];
  /** Takes away what the step has left at work on the cluster, when its run ends before it does. The note says what that is. */
  readonly abandon?: (step: StepOf<K>, context: StepContext) => Promise<void>;
  /** Looks at what the form alone cannot say. */
  readonly check?: (step: StepOf<K>, path: string) => PlanIssue[];
}
