import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** Refusal is an error that the client is told: an HTTP status, what went wrong and why. */
export class Refusal extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, error: string, reason: string) {
    super(error);
    this.status = status;
    this.reason = reason;
  }
}

export interface Answer {
  readonly status?: number;
  readonly body: unknown;
  readonly type?: string;
}

export type Handler = (request: IncomingMessage, url: URL) => Promise<Answer>;

const bodyBytesMax = 64 * 1024;

/** serve listens on HOST:PORT and ends within a second of SIGTERM: what is in flight is answered, then the process exits. */
export function serve(name: string, defaultPort: number, handler: Handler): void {
  const server = createServer((request, response) => void respond(handler, request, response));
  // Longer than any proxy's: the side that dials must be the one that closes, or it writes into a closed connection.
  server.keepAliveTimeout = 75_000;
  const port = Number(process.env['PORT'] ?? defaultPort);
  server.listen(port, process.env['HOST'] ?? '0.0.0.0', () => console.log(`${name} listens on port ${port}`));
  const stop = () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => process.exit(0), 800).unref();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

async function respond(handler: Handler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = await handler(request, new URL(request.url ?? '/', 'http://localhost')).catch(refused);
  const text = answer.type ? String(answer.body) : JSON.stringify(answer.body);
  response.writeHead(answer.status ?? 200, {
    'content-type': answer.type ?? 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  response.end(text);
}

function refused(error: unknown): Answer {
  if (error instanceof Refusal) return { status: error.status, body: { error: error.message, reason: error.reason } };
  console.error(error);
  return { status: 500, body: { error: 'internal', reason: 'Something went wrong in the guestbook.' } };
}

/** readJson reads a JSON object; an empty body is an empty object. */
export async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyBytesMax) throw new Refusal(413, 'body_too_large', `The body is larger than ${bodyBytesMax} bytes.`);
    chunks.push(chunk);
  }
  if (size === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new Refusal(400, 'malformed_json', 'The body is not valid JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal(400, 'invalid_body', 'The body must be a JSON object.');
  return value as Record<string, unknown>;
}
