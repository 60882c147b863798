/** Readiness is the judgement of one object; `reason` begins with Kubernetes' own word where there is one. */
export interface Readiness {
  readonly state: 'ready' | 'pending' | 'failed';
  readonly reason: string;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

export const ready = (reason: string): Readiness => ({ state: 'ready', reason });
export const pending = (reason: string): Readiness => ({ state: 'pending', reason });
export const failed = (reason: string): Readiness => ({ state: 'failed', reason });

export const conditionOf = (conditions: readonly Condition[] | undefined, type: string): Condition | undefined =>
  conditions?.find((condition) => condition.type === type);

/** explain joins a condition's reason and message. */
export const explain = (condition: Condition | undefined, otherwise: string): string =>
  [condition?.reason, condition?.message].filter(Boolean).join(': ') || otherwise;
