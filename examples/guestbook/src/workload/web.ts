import type { IncomingMessage } from 'node:http';
import { type Answer, Refusal, serve } from '../serve.js';
import type { Entry } from './store.js';

const storeUrl = process.env['STORE_URL'] ?? 'http://127.0.0.1:8081';
const formBytesMax = 8 * 1024;

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);

/** page shows the greeting, the form and the entries, newest first. Everything that visitors wrote is escaped. */
export const page = (greeting: string, entries: readonly Entry[]): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Guestbook</title>
<style>body{font:16px/1.5 system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}li{margin:.5rem 0}time{color:#666}</style></head>
<body><h1>${escapeHtml(greeting)}</h1>
<form method="post"><input name="text" required maxlength="1000" aria-label="Your line"> <button>Sign</button></form>
<ul>${[...entries]
  .reverse()
  .map(({ at, text }) => `<li>${escapeHtml(text)} <time>${escapeHtml(at)}</time></li>`)
  .join('')}</ul></body></html>`;

async function readForm(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.length > formBytesMax) throw new Refusal(413, 'body_too_large', 'That is too long for a guestbook.');
  }
  return new URLSearchParams(text).get('text') ?? '';
}

const askStore = async (init?: RequestInit): Promise<Response> => {
  try {
    return await fetch(`${storeUrl}/entries`, { ...init, signal: AbortSignal.timeout(5_000) });
  } catch {
    throw new Refusal(502, 'store_unreachable', 'The store of the guestbook does not answer.');
  }
};

/** startWeb serves the page. */
export function startWeb(): void {
  serve('guestbook page', 8080, async (request, url): Promise<Answer> => {
    if (url.pathname === '/healthz') return { body: { status: 'ok' } };
    if (url.pathname !== '/') throw new Refusal(404, 'not_found', 'There is no such page.');
    if (request.method === 'POST') {
      const saved = await askStore({
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text: await readForm(request) }),
      });
      if (!saved.ok) throw new Refusal(saved.status, 'not_saved', 'The line could not be saved.');
      await saved.body?.cancel();
    }
    const { data } = (await (await askStore()).json()) as { data: Entry[] };
    return { body: page(process.env['GREETING'] ?? 'Guestbook', data), type: 'text/html; charset=utf-8' };
  });
}
