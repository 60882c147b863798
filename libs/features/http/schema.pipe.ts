import { type ArgumentMetadata, type PipeTransform, StandardSchemaValidationPipe } from '@nestjs/common';
import { Fault } from '@nm/kernel/fault';

type Issues = Parameters<
  NonNullable<ConstructorParameters<typeof StandardSchemaValidationPipe>[0]>['exceptionFactory'] & object
>[0];

/** More than this many faults of one body help nobody. */
const issuesMax = 50;

const pipeFor = (code: 'invalid_body' | 'invalid_query'): PipeTransform =>
  new StandardSchemaValidationPipe({
    exceptionFactory: (issues: Issues) =>
      new Fault(code, { extra: { issues: issues.slice(0, issuesMax).map(issueOf) } }),
  });

const issueOf = (issue: Issues[number]) => ({
  path: (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.'),
  message: issue.message,
});

/** SchemaPipe validates what `@Body({ schema })`, `@Query({ schema })` and `@Param(name, { schema })` name, and passes on the parsed value. */
export class SchemaPipe implements PipeTransform {
  readonly #body = pipeFor('invalid_body');
  readonly #other = pipeFor('invalid_query');

  transform(value: unknown, metadata: ArgumentMetadata): unknown {
    return (metadata.type === 'body' ? this.#body : this.#other).transform(value, metadata);
  }
}
