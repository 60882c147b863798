import type { CoreV1Event } from '@kubernetes/client-node';
import type { Json } from '../kinds/kube-json.js';

export type EventJson = Json<CoreV1Event>;

/** What we looked at and what it said. */
export interface Evidence {
  readonly from: 'condition' | 'container' | 'event' | 'spec' | 'log' | 'object' | 'server';
  readonly text: string;
}

export interface Remedy {
  readonly text: string;
  /** For kubectl. */
  readonly command?: string;
}

/** Explanation says why an object is not as it should be: found by rules alone, so the same state gives the same words. */
export interface Explanation {
  /** Stable: `ImagePull`, `OOMKilled`, `Unschedulable`, … */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly container?: string;
  readonly summary: string;
  readonly evidence: readonly Evidence[];
  readonly causes: readonly string[];
  readonly remedies: readonly Remedy[];
  /** `certain`: the cluster said so; `likely`: reckoned from several signs. */
  readonly confidence: 'certain' | 'likely';
}

/** latest gives the newest event of these that meets the test. */
export function latest(events: readonly EventJson[], test: (event: EventJson) => boolean): EventJson | undefined {
  return events.filter(test).sort((left, right) => whenMs(right) - whenMs(left))[0];
}

const whenMs = ({ series, lastTimestamp, eventTime, firstTimestamp, metadata }: EventJson): number =>
  Date.parse(
    series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp ?? metadata?.creationTimestamp ?? '',
  ) || 0;

/** eventEvidence cites an event. */
export const eventEvidence = ({ reason, message, count }: EventJson): Evidence => ({
  from: 'event',
  text: `${reason ?? 'Event'}: ${message ?? ''}${(count ?? 1) > 1 ? ` (${count} times)` : ''}`,
});
