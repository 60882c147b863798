import { Fault, isFault } from '@nm/kernel/fault';

/** The part of a Status object (meta/v1) that tells what went wrong. */
export interface KubeStatus {
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  /** Of an expired list: where it can go on, though not in the same snapshot. */
  readonly metadata?: { readonly continue?: string };
  readonly details?: { readonly causes?: readonly { field?: string; message?: string }[]; retryAfterSeconds?: number };
}

const messageCharsMax = 2_000;

/** faultOfStatus types a refusal of the API server by its HTTP status and Status object. */
export function faultOfStatus(httpStatus: number, status: KubeStatus | undefined): Fault {
  const message = status?.message?.slice(0, messageCharsMax);
  const reason = status?.reason || reasons[httpStatus] || `HTTP${httpStatus}`;
  const causes = status?.details?.causes?.slice(0, 20).map((cause) => ({ field: cause.field, message: cause.message }));
  const place = httpStatus === 410 ? status?.metadata?.continue : undefined;
  const kubernetes = { status: httpStatus, reason, message, ...(causes?.length ? { causes } : {}) };
  const details = {
    ...(message ? { public: message } : {}),
    internal: `Kubernetes answered ${httpStatus} ${reason}: ${message ?? ''}`,
    extra: { status: httpStatus, reason, kubernetes, ...(place ? { continue: place } : {}) },
  };
  if (httpStatus === 401) return new Fault('cluster_unauthorized', { ...details, public: unauthorizedMessage });
  if (httpStatus === 403) return new Fault('cluster_forbidden', details);
  return new Fault('kube_api', details);
}

const unauthorizedMessage =
  'The cluster does not accept the stored credential. Replace it (PUT /v1/clusters/:id/credential).';
const reasons: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
};

/** faultOfDial turns what the transport threw into `cluster_unreachable`; our own faults and aborts of the caller pass unchanged. */
export function faultOfDial(error: unknown, server: string, signal?: AbortSignal): unknown {
  if (isFault(error)) return error;
  if (signal?.aborted && error === signal.reason) return error;
  const code = codeOf(error);
  return new Fault('cluster_unreachable', {
    public: `The cluster at ${server} did not answer (${dialReason(code)}).`,
    internal: `${code}: ${error instanceof Error ? error.message : String(error)}`,
    cause: error,
    extra: { reason: code },
  });
}

function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (typeof code === 'string') return code;
  return typeof name === 'string' ? name : 'unknown';
}

function dialReason(code: string): string {
  if (code === 'ECONNREFUSED') return 'connection refused';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its name does not resolve';
  if (code.includes('TIMEOUT') || code === 'ETIMEDOUT' || code === 'TimeoutError') return 'no answer in time';
  if (tlsCodes.test(code)) return `its certificate is not trusted: ${code}`;
  return code;
}
const tlsCodes = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL/;

/** isKubeStatus tells a refusal of the API server with that HTTP status. */
export const isKubeStatus = (error: unknown, status: number): error is Fault =>
  isFault(error) && error.extra['status'] === status;
