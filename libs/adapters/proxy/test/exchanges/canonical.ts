import type { Field } from '../reference/reading.js';
import type { RequestHeadRead, RequestRead } from '../reference/request.js';
import type { ResponseRead } from '../reference/response.js';

/** The name of `Upgrade` is the engine's own, like that of `Connection`. */
const shown = ({ name, value }: Field): string => `${name.toLowerCase() === 'upgrade' ? 'Upgrade' : name}: ${value}`;

/** The hop's own fields; an option that should not be there is shown. */
const ownOption = /^(keep-alive|close|upgrade|)$/i;

/** Of the hop, of the framing, or added by `startProxy`. */
const hopFields = new Set(['host', 'content-length', 'transfer-encoding', 'x-client']);

/** What an engine adds about itself (RFC 9110 §7.6.3). */
const ownVia = /^1\.[01] nmachine$/;

/** ofRequestHead writes a request as the tables do; `Host` and `Connection` belong to the hop, the length to the framing. */
export function ofRequestHead(head: RequestHeadRead): string {
  const fields = head.fields.filter(({ name, value }) => {
    const lower = name.toLowerCase();
    if (lower === 'connection') return !ownOption.test(value);
    if (lower === 'via') return !ownVia.test(value);
    return !hopFields.has(lower);
  });
  return [`${head.method} ${head.target} HTTP/${head.version}`, ...fields.map(shown)].join(' | ');
}

/** ofRequest adds the body with its framing; an empty one is nothing. */
export function ofRequest(request: RequestRead): string {
  const parts = [ofRequestHead(request)];
  const body = request.body.toString('latin1');
  if (request.framing.kind === 'length' && request.framing.length > 0) parts.push(`${request.framing.length}:${body}`);
  if (request.framing.kind === 'chunked' && request.body.length + request.trailers.length > 0)
    parts.push(`chunked:${body}`);
  parts.push(...request.trailers.map((field) => `trailer ${shown(field)}`));
  return parts.join(' | ');
}

/** ofResponse: a final answer without the mark that `startProxy` adds is the engine's own, and only its status counts. */
export function ofResponse(response: ResponseRead): string | number {
  const { status, reason, fields, framing } = response;
  const proxied = fields.some(({ name }) => name.toLowerCase() === 'x-added');
  if (status >= 200 && !proxied) return status;
  const kept = fields.filter(({ name, value }) => {
    const lower = name.toLowerCase();
    if (lower === 'connection') return !ownOption.test(value);
    if (lower === 'via') return !ownVia.test(value);
    if (lower === 'content-length') return framing.kind === 'none';
    return lower !== 'transfer-encoding' && lower !== 'keep-alive' && lower !== 'date' && lower !== 'x-added';
  });
  const parts = [`${status} ${reason}`.trimEnd(), ...kept.map(shown)];
  const body = response.body.toString('latin1');
  if (framing.kind === 'length') parts.push(`${framing.length}:${body}`);
  if (framing.kind === 'chunked') parts.push(`chunked:${body}`);
  if (framing.kind === 'until-close') parts.push(`close:${body}`);
  parts.push(...response.trailers.map((field) => `trailer ${shown(field)}`));
  return parts.join(' | ');
}

/** asExpected replaces the framing by `any:` where the table leaves it open. */
export const asExpected = (actual: string | number, expected: string | number | undefined): string | number =>
  typeof actual === 'string' && typeof expected === 'string' && expected.includes(' | any:')
    ? actual.replace(/ \| (?:chunked|close|\d+):/, ' | any:')
    : actual;
