import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

interface AuditedObject {
  readonly metadata?: { readonly name?: string; readonly resourceVersion?: string };
  readonly data?: { readonly value?: string };
}

interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly objectRef?: {
    readonly namespace?: string;
    readonly resource?: string;
    readonly name?: string;
    readonly subresource?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly responseObject?: AuditedObject;
  readonly user?: { readonly username?: string };
}

/** What the API server says became of the objects of some namespaces: by object, the values that it took on, in order. */
export interface Testimony {
  readonly effects: ReadonlyMap<string, readonly string[]>;
  /** Successful writes that changed nothing but the stamps of the run. */
  readonly repeats: number;
  readonly writes: number;
}

interface Write {
  readonly version: number;
  readonly value: string;
  /** Made, or deleted: an effect whatever the value was before. */
  readonly ofWhole: boolean;
}

/**
 * hearWitness reads the audit log of the API server. A write counts as an effect when it changed the value of its object; one that came again
 * and changed only the fence's stamp does not.
 */
export async function hearWitness(auditLog: string, namespaces: ReadonlySet<string>): Promise<Testimony> {
  const writes = new Map<string, Write[]>();
  let count = 0;
  for await (const line of createInterface({
    input: createReadStream(auditLog),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    const event = eventOf(line);
    if (!event || !isEffective(event, namespaces)) continue;
    const name = event.objectRef?.name ?? event.responseObject?.metadata?.name ?? '';
    const write = writeOf(event);
    if (!write) continue;
    count++;
    writes.set(name, [...(writes.get(name) ?? []), write]);
  }
  const effects = new Map<string, string[]>();
  let repeats = 0;
  for (const [name, ofObject] of writes) {
    const values: string[] = [];
    for (const { value, ofWhole } of ofObject.sort((a, b) => a.version - b.version))
      if (!ofWhole && values.at(-1) === value) repeats++;
      else values.push(value);
    effects.set(name, values);
  }
  return { effects, repeats, writes: count };
}

/** The API server may be in the middle of its last line. */
function eventOf(line: string): AuditEvent | undefined {
  try {
    return JSON.parse(line) as AuditEvent;
  } catch {
    return undefined;
  }
}

/** Jobs are changed by their controller too; that is not a run's doing. */
function isEffective(event: AuditEvent, namespaces: ReadonlySet<string>): boolean {
  const { objectRef, responseStatus, requestURI, user } = event;
  const code = responseStatus?.code ?? 0;
  return (
    code >= 200 &&
    code < 300 &&
    namespaces.has(objectRef?.namespace ?? '') &&
    objectRef?.subresource === undefined &&
    !requestURI.includes('dryRun=') &&
    !(user?.username ?? '').startsWith('system:serviceaccount:kube-system:') &&
    objectRef?.name !== 'kube-root-ca.crt'
  );
}

function writeOf({ verb, objectRef, responseObject }: AuditEvent): Write | undefined {
  if (verb === 'delete') return { version: Number.POSITIVE_INFINITY, value: 'deleted', ofWhole: true };
  if (verb === 'deletecollection') return undefined;
  const version = Number(responseObject?.metadata?.resourceVersion);
  // A Job made twice would be two creations of the same name, of which the API server lets one through; of two names there would be two objects.
  const value = objectRef?.resource === 'jobs' ? 'job' : (responseObject?.data?.value ?? '');
  return { version, value, ofWhole: verb === 'create' };
}
