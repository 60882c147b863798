/** Finding is what is wrong, or looks wrong, at one place of a bundle. */
export interface Finding {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  readonly severity: 'error' | 'warning';
  /** Stable name of the check. */
  readonly code: FindingCode;
  readonly message: string;
  /** What to write instead. */
  readonly suggestion?: string;
}

export type FindingCode =
  | 'bad_path'
  | 'not_text'
  | 'too_large'
  | 'too_deep'
  | 'too_many'
  | 'alias_bomb'
  | 'syntax'
  | 'forbidden_name'
  | 'not_a_descriptor'
  | 'missing_kind'
  | 'missing_id'
  | 'unknown_kind'
  | 'wrong_kind'
  | 'duplicate_id'
  | 'unknown_reference'
  | 'unknown_asset'
  | 'inherit_cycle'
  | 'reference_cycle'
  | 'invalid_attribute'
  | 'unknown_attribute'
  | 'unknown_operator'
  | 'unknown_format'
  | 'unknown_step'
  | 'ambiguous_scalar'
  | 'space_mismatch'
  | 'invalid_expression'
  | 'not_supported'
  | 'models_failed';

/** Place is where something is written. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export const findingAt = (
  place: Place,
  severity: Finding['severity'],
  code: FindingCode,
  message: string,
  suggestion?: string,
): Finding => ({ ...place, severity, code, message, ...(suggestion === undefined ? {} : { suggestion }) });

/** formatFinding is one line as compilers print it. */
export const formatFinding = (finding: Finding): string =>
  `${finding.file}:${finding.line}:${finding.column} ${finding.severity} ${finding.code}: ${finding.message}${
    finding.suggestion ? ` ${finding.suggestion}` : ''
  }`;
