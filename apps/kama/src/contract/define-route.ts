import { z } from 'zod';

/** RouteContract is what a route takes and answers. */
export interface RouteContract {
  readonly method: 'GET' | 'POST' | 'PATCH';
  /** With `{name}` for what varies. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  readonly answer: z.ZodType;
  /** A name of the first generation; clients of today use another. */
  readonly older?: boolean;
}

type More = Pick<RouteContract, 'query' | 'body' | 'older'>;
type Define = (path: string, summary: string, answer: z.ZodType, more?: More) => RouteContract;

const define =
  (method: RouteContract['method'], tag: string, base: string): Define =>
  (path, summary, answer, more = {}) => ({ method, tag, path: `${base}${path}`, summary, answer, ...more });

/** routesBelow defines routes below a path, by method. */
export const routesBelow = (tag: string, base: string) => ({
  get: define('GET', tag, base),
  post: define('POST', tag, base),
  patch: define('PATCH', tag, base),
});

/** inData puts an answer where most routes have theirs. */
export const inData = (answer: z.ZodType): z.ZodType => z.looseObject({ data: answer });

/** Query members that many routes share. */
export const bySpace = z.object({ space: z.string().max(500).optional() });
export const filtered = bySpace.extend({
  category: z.string().max(2_000).optional(),
  id_in: z.string().max(8_000).optional(),
});
/** Data that a client adds to a view: base64 of a JSON object. */
export const withPatch = z.object({ b64_enc_data: z.string().max(16_000).optional() });
