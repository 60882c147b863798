import type { Attribute } from '../kinds/define-kind.js';
import { formatNames } from '../models/formats.js';
import { operatorNames } from '../values/compare.js';
import { type Dict, isDict, ownOf } from '../values/dict.js';
import { closestTo } from '../values/edit-distance.js';
import type { Bundle, Descriptor } from './bundle.js';
import { donorId } from './bundle.js';
import { findCircles } from './find-circles.js';
import { type Finding, type FindingCode, findingAt, type Place } from './finding.js';
import { bundleLimits } from './limits.js';
import { exprPrefix, getPrefix, idPrefix, kindPrefix, mentionsIn, splat } from './reference.js';

const descriptorsWorthCompiling = 500;

/** checkDescriptors finds, without running anything, what cannot work: unknown names, wrong types and kinds, circles. */
export function checkDescriptors(bundle: Bundle): Finding[] {
  const checker = new Checker(bundle);
  for (const descriptor of bundle.descriptors)
    if (descriptor.space !== undefined) checker.checkModel(descriptor.config, descriptor.kind, descriptor);
  return [...checker.findings, ...findCircles(bundle)];
}

class Checker {
  readonly findings: Finding[] = [];
  private suggestions: number = bundleLimits.suggestions;
  private readonly count = { error: 0, warning: 0 };

  /** zod compiles a parser of its own for each kind: for few models, that takes longer than they do without. */
  private readonly parsing: { readonly jitless: boolean };

  constructor(private readonly bundle: Bundle) {
    this.parsing = { jitless: bundle.descriptors.length < descriptorsWorthCompiling };
  }

  /** checkModel looks at a model, written at the top or in place, and at those within it. */
  checkModel(config: Dict, kind: string, owner: Descriptor): void {
    if (this.count.error >= bundleLimits.findings) return;
    const attributes = this.bundle.kinds.attributesOf(kind);
    this.checkTypes(config, kind, owner);
    this.checkOwnRules(config, kind, owner);
    for (const [name, value] of Object.entries(config)) {
      const attribute = attributes[name];
      const place = this.placeOf(config, name, owner);
      if (name === 'kind' || name === 'id') continue;
      if (name === 'inherit') continue;
      if (!attribute) this.checkSpelling(name, attributes, kind, place);
      if (attribute?.child !== undefined) this.checkChildren(value, attribute, place, owner);
      else this.checkValue(value, place, owner);
    }
  }

  private checkTypes(config: Dict, kind: string, owner: Descriptor): void {
    const result = this.bundle.kinds.schemaOf(kind).safeParse(config, this.parsing);
    for (const issue of result.success ? [] : result.error.issues.slice(0, 20)) {
      const [inner] =
        'errors' in issue ? (issue.errors as readonly (readonly { message: string }[])[]).flat() : [issue];
      const where = issue.path.filter((part): part is string | number => typeof part !== 'symbol');
      const message = `"${where.join('.')}" of ${nameOf(config, kind, owner)}: ${inner?.message ?? issue.message}.`;
      this.add(this.placeOfPath(config, where, owner), 'error', 'invalid_attribute', message);
    }
  }

  private placeOfPath(config: Dict, path: readonly (string | number)[], owner: Descriptor): Place {
    let container: unknown = config;
    let place = owner.place;
    for (const part of path) {
      if (typeof container !== 'object' || container === null) break;
      place = this.bundle.sources.placeOf(container, part) ?? place;
      container = (container as Record<string | number, unknown>)[part];
    }
    return place;
  }

  private checkOwnRules(config: Dict, kind: string, owner: Descriptor): void {
    const { kinds } = this.bundle;
    const operator = ownOf(config, 'operator');
    if (
      kinds.isA(kind, 'Predicate') &&
      typeof operator === 'string' &&
      !operator.includes('::') &&
      !operator.includes('${')
    ) {
      const known = kinds.isA(kind, 'MultiPredicate') ? ['and', 'or'] : operatorNames;
      if (!known.includes(operator))
        this.unknown(
          this.placeOf(config, 'operator', owner),
          'unknown_operator',
          `There is no operator "${operator}".`,
          operator,
          known,
        );
    }
    const format = ownOf(config, 'check_against');
    if (
      kinds.isA(kind, 'FormatPredicate') &&
      typeof format === 'string' &&
      !format.includes('::') &&
      !formatNames.includes(format)
    )
      this.unknown(
        this.placeOf(config, 'check_against', owner),
        'unknown_format',
        `There is no format "${format}".`,
        format,
        formatNames,
      );
    if (kinds.isA(kind, 'Operation')) this.checkSteps(config, owner);
    if (kind === 'CmdExecAction')
      this.add(
        owner.place,
        'error',
        'not_supported',
        `${nameOf(config, kind, owner)} would run a command beside the KAMA; a hosted KAMA never does.`,
      );
  }

  private checkSteps(config: Dict, owner: Descriptor): void {
    const written = ownOf(config, 'steps');
    const steps = Array.isArray(written) ? written : [];
    const ids = steps.flatMap((step) => this.stepId(step) ?? []);
    for (const [index, step] of steps.entries()) {
      const id = this.stepId(step);
      const place = this.bundle.sources.placeOf(steps, index) ?? owner.place;
      if (id !== undefined && ids.indexOf(id) !== index && ids.length === steps.length)
        this.add(place, 'error', 'duplicate_id', `The operation "${owner.id}" has two steps "${id}".`);
      const next = isDict(step) ? ownOf(step, 'next') : undefined;
      if (typeof next !== 'string' || next.includes('::') || next.includes('${')) continue;
      if (['default', 'done'].includes(next) || ids.includes(next) || ids.length < steps.length) continue;
      this.unknown(
        this.placeOf(step as Dict, 'next', owner),
        'unknown_step',
        `"next" names the step "${next}", which "${owner.id}" does not have.`,
        next,
        ids,
      );
    }
  }

  private stepId(step: unknown): string | undefined {
    if (typeof step === 'string') return donorId(step);
    const id = isDict(step) ? (ownOf(step, 'id') ?? ownOf(step, 'inherit')) : undefined;
    return typeof id === 'string' ? donorId(id) : undefined;
  }

  private checkSpelling(
    name: string,
    attributes: Readonly<Record<string, Attribute>>,
    kind: string,
    place: Place,
  ): void {
    const close = this.closest(name, Object.keys(attributes));
    if (close && name.length > 3)
      this.add(
        place,
        'warning',
        'unknown_attribute',
        `${kind} has no attribute "${name}".`,
        `Did you mean "${close}"?`,
      );
  }

  private checkChildren(value: unknown, attribute: Attribute, place: Place, owner: Descriptor): void {
    const child = attribute.child ?? 'Model';
    if (!attribute.list || !Array.isArray(value)) {
      if (attribute.list && isDict(value) && ownOf(value, 'kind') === undefined) return;
      this.checkChild(value, child, place, owner);
      return;
    }
    value.forEach((item: unknown, index) => {
      this.checkChild(item, child, this.bundle.sources.placeOf(value, index) ?? place, owner);
    });
  }

  private checkChild(value: unknown, child: string, place: Place, owner: Descriptor): void {
    if (typeof value === 'string') {
      this.checkNamedChild(value, child, place, owner);
      return;
    }
    if (!isDict(value)) return;
    const inherit = ownOf(value, 'inherit');
    const kind = ownOf(value, 'kind');
    if (typeof kind === 'string' && !this.bundle.kinds.find(kind)) {
      this.unknown(
        this.placeOf(value, 'kind', owner),
        'unknown_kind',
        `There is no kind "${kind}".`,
        kind,
        this.bundle.kinds.names(),
      );
      return;
    }
    if (typeof kind === 'string' && this.bundle.kinds.isA(kind, 'Supplier') && child !== 'Model') {
      this.checkModel(value, kind, owner);
      return;
    }
    if (typeof inherit === 'string') {
      if (!this.bundle.has(donorId(inherit))) {
        this.unknown(
          this.placeOf(value, 'inherit', owner),
          'unknown_reference',
          `There is nothing called "${donorId(inherit)}" to inherit from.`,
          donorId(inherit),
          this.bundle.ids(),
        );
        return;
      }
      const donor = this.bundle.find(donorId(inherit), child);
      this.checkModel(value, donor?.kind ?? child, owner);
      return;
    }
    if (typeof kind === 'string' && !this.bundle.kinds.isA(kind, child)) {
      this.add(
        this.placeOf(value, 'kind', owner),
        'error',
        'wrong_kind',
        `A ${child} is wanted here, and ${kind} is none.`,
      );
      return;
    }
    this.checkModel(value, typeof kind === 'string' ? kind : child, owner);
  }

  private checkNamedChild(value: string, child: string, place: Place, owner: Descriptor): void {
    const named = value.startsWith(splat) ? value.slice(splat.length) : value;
    if (named.includes('${') || named.startsWith(getPrefix) || named.startsWith('inflate::')) {
      this.checkText(value, place, owner);
      return;
    }
    if (named.startsWith(exprPrefix)) return;
    if (named.startsWith(kindPrefix)) {
      const kind = named.slice(kindPrefix.length);
      if (!this.bundle.kinds.find(kind)) {
        this.unknown(place, 'unknown_kind', `There is no kind "${kind}".`, kind, this.bundle.kinds.names());
        return;
      }
      if (!this.bundle.kinds.isA(kind, child))
        this.add(place, 'error', 'wrong_kind', `A ${child} is wanted here, and ${kind} is none.`);
      return;
    }
    const id = donorId(named);
    if (this.bundle.find(id, child)) return;
    if (this.bundle.has(id)) {
      this.add(place, 'error', 'wrong_kind', `A ${child} is wanted here, and "${id}" is none.`);
      return;
    }
    // A variable that nobody described is made up from its key.
    if (this.bundle.kinds.isA('ManifestVariable', child) && !named.startsWith(idPrefix)) return;
    this.unknown(place, 'unknown_reference', `There is nothing called "${id}".`, id, this.bundle.ids());
  }

  /** checkValue looks for names in values that may hold anything. */
  private checkValue(value: unknown, place: Place, owner: Descriptor): void {
    if (typeof value === 'string') {
      this.checkText(value, place, owner);
      return;
    }
    if (Array.isArray(value)) {
      value.forEach((item: unknown, index) => {
        this.checkValue(item, this.bundle.sources.placeOf(value, index) ?? place, owner);
      });
      return;
    }
    if (!isDict(value)) return;
    const kind = ownOf(value, 'kind');
    if (typeof kind === 'string' && this.bundle.kinds.isA(kind, 'Supplier')) {
      this.checkModel(value, kind, owner);
      return;
    }
    for (const [key, each] of Object.entries(value)) this.checkValue(each, this.placeOf(value, key, owner), owner);
  }

  private checkText(value: string, place: Place, owner: Descriptor): void {
    for (const mention of mentionsIn(value)) {
      if (mention.type === 'kind' && !this.bundle.kinds.find(mention.name))
        this.unknown(
          place,
          'unknown_kind',
          `There is no kind "${mention.name}".`,
          mention.name,
          this.bundle.kinds.names(),
        );
      if (mention.type === 'id' && !this.bundle.has(mention.name))
        this.unknown(
          place,
          'unknown_reference',
          `There is nothing called "${mention.name}".`,
          mention.name,
          this.bundle.ids(),
        );
      if (mention.type === 'asset' && this.bundle.asset(mention.name, owner.space) === undefined)
        this.add(place, 'error', 'unknown_asset', `There is no asset "${mention.name}".`);
    }
  }

  private placeOf(container: Dict, key: string, owner: Descriptor): Place {
    return this.bundle.sources.placeOf(container, key) ?? owner.place;
  }

  private unknown(place: Place, code: FindingCode, message: string, word: string, candidates: Iterable<string>): void {
    const close = this.closest(word, candidates);
    this.add(place, 'error', code, message, close === undefined ? undefined : `Did you mean "${close}"?`);
  }

  /** closest looks for what was meant. Each look costs time, and a bundle may be wrong in every word. */
  private closest(word: string, candidates: Iterable<string>): string | undefined {
    this.suggestions -= 1;
    return this.suggestions < 0 ? undefined : closestTo(word, candidates);
  }

  private add(
    place: Place,
    severity: Finding['severity'],
    code: FindingCode,
    message: string,
    suggestion?: string,
  ): void {
    this.count[severity] += 1;
    if (this.count[severity] <= bundleLimits.findings)
      this.findings.push(findingAt(place, severity, code, message, suggestion));
  }
}

const nameOf = (config: Dict, kind: string, owner: Descriptor): string => {
  const id = ownOf(config, 'id');
  return typeof id === 'string' ? `${kind} "${id}"` : `a ${kind} in "${owner.id}"`;
};
