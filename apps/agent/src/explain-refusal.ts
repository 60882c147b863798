import type { IncomingMessage } from 'node:http';

/** Refusal is what NMachine, or something in front of it, answered instead of opening a tunnel. */
export class Refusal extends Error {
  readonly status: number;

  constructor(response: IncomingMessage) {
    const status = response.statusCode ?? 0;
    super(`answered ${status}`);
    this.status = status;
  }
}

const certificateAuthority =
  /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|CERT_SIGNATURE_FAILURE|CERT_UNTRUSTED)$/;

/** explainRefusal says in a sentence why there is no tunnel and which setting to look at. @param now this machine's time, as it is read in logs */
export function explainRefusal(error: unknown, now: string): string {
  if (error instanceof Refusal) return ofStatus(error.status);
  const { code, message, path, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED')
    return `the certificate behind NM_AGENT_URL is not valid at ${now}, which is what this machine's clock says (${code})`;
  if (code && certificateAuthority.test(code))
    return `the certificate behind NM_AGENT_URL comes from an authority that is not trusted here (${code}): give that authority's certificate as NM_AGENT_CA_FILE`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `the certificate behind NM_AGENT_URL is for another name: ${message}`;
  if (code === 'EPROTO' || code?.startsWith('ERR_SSL'))
    return `what NM_AGENT_URL names does not speak TLS as wss:// needs (${code})`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the name in NM_AGENT_URL does not resolve (${code})`;
  if (path !== undefined && syscall !== 'connect')
    return `${path} cannot be read (${code}): see NM_AGENT_TOKEN_FILE, NM_AGENT_KUBE_TOKEN_FILE, NM_AGENT_KUBE_CA_FILE and NM_AGENT_CA_FILE`;
  return `NM_AGENT_URL cannot be reached: ${message ?? String(error)}`;
}

function ofStatus(status: number): string {
  if (status === 401)
    return 'NMachine does not know this token: it was replaced or revoked, or the cluster was deleted. Ask for a new one (POST /v1/clusters/<id>/agent-token) and set NM_AGENT_TOKEN or its file';
  if (status >= 500) return `NMachine cannot take agents at the moment (${status})`;
  return `what answers at NM_AGENT_URL is not the agents’ port of a gateway (${status})`;
}

/** Seconds that two clocks may differ before somebody should know. */
const skewSecondsMax = 30;

/** skewSeconds compares an answer's Date with this machine's clock; undefined when they agree, or nothing was said. */
export function skewSeconds(response: IncomingMessage, nowMs: number): number | undefined {
  const theirsMs = Date.parse(response.headers.date ?? '');
  const seconds = Math.round((nowMs - theirsMs) / 1000);
  return Math.abs(seconds) > skewSecondsMax ? seconds : undefined;
}
