import type { Exchange } from '../exchange-row.js';
import { answers, bodiless, closeDelimited, trailers } from './answers.js';
import { chunked } from './chunked.js';
import { connection, pipelining } from './connection.js';
import { fields } from './fields.js';
import { framing } from './framing.js';
import { limits } from './limits.js';
import { requestLine } from './request-line.js';
import { streamsOfMessages } from './streams-of-messages.js';
import { early, interim, upgrades } from './switching.js';

/** The whole corpus, by theme. */
export const themes: Readonly<Record<string, readonly Exchange[]>> = {
  'request line': requestLine,
  fields,
  framing,
  chunked,
  connection,
  pipelining,
  upgrades,
  'interim answers': interim,
  'early answers': early,
  'answers without a body': bodiless,
  trailers,
  'close-delimited answers': closeDelimited,
  answers,
  'streams of messages': streamsOfMessages,
  limits,
};
