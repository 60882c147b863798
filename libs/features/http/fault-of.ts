import { HttpException } from '@nestjs/common';
import { type Code, Fault, isFault, toFault } from '@nm/kernel/fault';

/** Codes of the framework's own errors (fastify/docs/Reference/Errors.md). */
const byFrameworkCode: Readonly<Record<string, Code>> = {
  FST_ERR_BAD_URL: 'invalid_path',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
  FST_ERR_ASYNC_CONSTRAINT: 'not_found',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'bad_request',
};

const byStatus: Readonly<Record<number, Code>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  409: 'conflict',
  413: 'body_too_large',
  414: 'not_found',
  415: 'unsupported_media_type',
};

/** faultOf turns whatever reached the edge into one of our codes; what is nobody's fault but ours becomes `internal`. */
export function faultOf(error: unknown): Fault {
  if (isFault(error)) return error;
  if (error instanceof HttpException) {
    const status = error.getStatus();
    const cause = error.cause ?? error;
    const code = codeOf(cause) ?? byStatus[status] ?? (status < 500 ? 'bad_request' : 'internal');
    return new Fault(code, { internal: error.message, cause });
  }
  const code = codeOf(error);
  if (code) return new Fault(code, { internal: (error as Error).message, cause: error });
  return toFault(error);
}

function codeOf(error: unknown): Code | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && Object.hasOwn(byFrameworkCode, code) ? byFrameworkCode[code] : undefined;
}
