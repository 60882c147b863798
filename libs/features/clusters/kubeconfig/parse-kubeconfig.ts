import { type IntakeField, type IntakeReport, kubeconfigBytesMax } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { clusterFields, type FieldRule, unknownField, userFields } from './fields.js';
import { type Credential, readCluster, readCredential } from './read-values.js';
import { readYaml } from './read-yaml.js';
import { type Entry, KubeconfigShape, selectContext } from './select-context.js';

export interface ParseOptions {
  /** Which context; default is `current-context`, or the only one. */
  readonly context?: string | undefined;
  /** Accept `insecure-skip-tls-verify: true`. */
  readonly allowInsecureTls?: boolean | undefined;
}

/** ParsedKubeconfig is all that is used of a kubeconfig. */
export interface ParsedKubeconfig {
  readonly server: string;
  readonly ca: string | undefined;
  readonly tlsServerName: string | undefined;
  readonly insecure: boolean;
  readonly credential: Credential;
  readonly intake: IntakeReport;
}

/**
 * parseKubeconfig takes what is safe out of a kubeconfig, field by field from an allow-list, and says what became of the rest.
 * Pure: it parses text and checks certificates in memory; it opens no file, runs no program and dials nothing.
 * @throws Fault kubeconfig_invalid when it cannot be understood; kubeconfig_refused when what is needed comes only in a form that is never used
 */
export function parseKubeconfig(text: string, options: ParseOptions = {}): ParsedKubeconfig {
  const read = readYaml(text, kubeconfigBytesMax);
  if ('failure' in read) throw invalid([{ path: '', message: `The text is no kubeconfig: ${read.failure}.` }]);
  const shape = KubeconfigShape.safeParse(read.value);
  if (!shape.success)
    throw invalid(shape.error.issues.slice(0, 20).map(({ path, message }) => ({ path: path.join('.'), message })));
  const chosen = selectContext(shape.data, options.context);
  if ('issues' in chosen) throw invalid(chosen.issues);

  const insecure = chosen.cluster.fields['insecure-skip-tls-verify'] === true;
  const intake = report([
    ...fieldsOf(chosen.cluster, (name) => clusterRule(name, chosen.cluster.fields[name], options)),
    ...fieldsOf(chosen.user, (name) => userFields[name]),
    ...chosen.unused.map((path) => ({
      path,
      rule: { fate: 'ignored', reason: 'not part of the chosen context' } as const,
    })),
  ]);
  const blocking = blockingFields(chosen.cluster, chosen.user, insecure && !options.allowInsecureTls);
  if (blocking.length > 0) throw refusedFault(intake, blocking);
  const cluster = readCluster(chosen.cluster);
  const credential = readCredential(chosen.user);
  const issues = [...cluster.issues, ...credential.issues];
  if (issues.length > 0) throw invalid(issues);
  return { ...cluster.value, insecure, credential: credential.value, intake };
}

function clusterRule(name: string, value: unknown, options: ParseOptions): FieldRule | undefined {
  if (name !== 'insecure-skip-tls-verify') return clusterFields[name];
  if (value !== true) return { fate: 'ignored', reason: 'certificates are always checked' };
  return options.allowInsecureTls ? { fate: 'kept', reason: 'accepted with "allowInsecureTls"' } : clusterFields[name];
}

interface JudgedField {
  readonly path: string;
  readonly rule: FieldRule;
}

/** Empty fields are left out: kubectl writes them and they say nothing. */
const fieldsOf = (entry: Entry, ruleOf: (name: string) => FieldRule | undefined): JudgedField[] =>
  Object.keys(entry.fields)
    .filter((name) => !isEmpty(entry.fields[name]))
    .map((name) => ({ path: `${entry.path}.${name}`.slice(0, 200), rule: ruleOf(name) ?? unknownField }));

const isEmpty = (value: unknown): boolean => value === undefined || value === null || value === '';

function report(fields: readonly JudgedField[]): IntakeReport {
  const of = (fate: FieldRule['fate']): IntakeField[] =>
    fields.filter(({ rule }) => rule.fate === fate).map(({ path, rule }) => ({ path, reason: rule.reason }));
  return { kept: of('kept'), refused: of('refused'), ignored: of('ignored') };
}

/** blockingFields names the refused fields without which the rest would mean something else, or nothing. */
function blockingFields(cluster: Entry, user: Entry, insecureRefused: boolean): string[] {
  const has = (entry: Entry, name: string): boolean => !isEmpty(entry.fields[name]);
  const path = (entry: Entry, names: readonly string[]): string[] =>
    names.filter((name) => has(entry, name)).map((name) => `${entry.path}.${name}`);
  const blocking = insecureRefused ? [`${cluster.path}.insecure-skip-tls-verify`] : [];
  if (!has(cluster, 'certificate-authority-data')) blocking.push(...path(cluster, ['certificate-authority']));
  // Without it we would act as a mightier identity than the one that was meant.
  blocking.push(...path(user, ['as', 'as-uid', 'as-groups', 'as-user-extra']));
  const usable = has(user, 'token') || (has(user, 'client-certificate-data') && has(user, 'client-key-data'));
  if (!usable) blocking.push(...path(user, credentialForms));
  return blocking;
}

const credentialForms = [
  'exec',
  'auth-provider',
  'tokenFile',
  'client-certificate',
  'client-key',
  'username',
  'password',
];

const invalid = (issues: readonly { path: string; message: string }[]): Fault =>
  new Fault('kubeconfig_invalid', { extra: { issues } });

function refusedFault(intake: IntakeReport, blocking: readonly string[]): Fault {
  const issues = intake.refused
    .filter(({ path }) => blocking.includes(path))
    .map(({ path, reason }) => ({ path, message: reason }));
  return new Fault('kubeconfig_refused', { extra: { issues, intake } });
}
