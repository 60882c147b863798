/** RawOf is the JSON that a wrapper wraps. */
export type RawOf<R> = R extends { readonly raw: infer Raw } ? Raw : never;

/** FeatureOf names what a wrapper derives from its object: every property that is no method, less what has a filter of its own. */
export type FeatureOf<R> = Exclude<
  { [K in keyof R]: R[K] extends (...given: never[]) => unknown ? never : K }[keyof R] & string,
  'name' | 'ns' | 'raw' | 'facts' | 'kat' | 'labels' | 'annotations'
>;

/** ValueAt is what stands at a dotted path; never when no such path exists, or when it leads through a list. */
export type ValueAt<T, Path extends string> = Path extends `${infer Head}.${infer Rest}`
  ? Head extends keyof NonNullable<T>
    ? ValueAt<NonNullable<T>[Head], Rest>
    : NonNullable<T> extends Record<string, infer V>
      ? string extends keyof NonNullable<T>
        ? V | undefined
        : never
      : never
  : Path extends keyof NonNullable<T>
    ? NonNullable<NonNullable<T>[Path]> extends string | number | boolean
      ? NonNullable<NonNullable<T>[Path]>
      : never
    : never;

/** FieldsOf holds a map of field paths against a wrapper's JSON: a path that does not exist does not compile. */
export type FieldsOf<R, F> = { readonly [P in keyof F]: P extends string ? ValueAt<RawOf<R>, P> : never };

/** A length of time: milliseconds, or a number with its unit. */
export type Duration = number | `${number}${'s' | 'm' | 'h' | 'd'}`;

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** durationMs gives milliseconds. */
export function durationMs(duration: Duration): number {
  if (typeof duration === 'number') return duration;
  return Number(duration.slice(0, -1)) * unitMs[duration.slice(-1) as keyof typeof unitMs];
}
