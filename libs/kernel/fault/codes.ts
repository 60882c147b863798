import { clusterCodes } from './cluster-codes.js';
import { type CodeEntry, entry } from './code-entry.js';

/**
 * codes is the catalogue of everything that can go wrong, with what the client is told.
 * Each has a paragraph in `docs/errors.md`; a test walks the catalogue and fails when one is missing.
 */
export const codes = {
  // The request itself
  bad_request: entry(400, 'Bad request', 'The request could not be understood.'),
  malformed_json: entry(
    400,
    'Malformed JSON',
    'The body is not valid JSON. Send one JSON document with Content-Type application/json.',
  ),
  invalid_body: entry(400, 'Invalid body', 'The body does not have the expected shape. See "issues" for each field.'),
  invalid_query: entry(
    400,
    'Invalid query',
    'A query or path parameter does not have the expected shape. See "issues".',
  ),
  invalid_path: entry(
    400,
    'Invalid path',
    'The path holds a segment that is not allowed (dot segments, encoded slashes or NULs, backslashes, empty names).',
  ),
  body_too_large: entry(413, 'Body too large', 'The body is larger than this route accepts.'),
  body_timeout: entry(408, 'Body did not arrive', 'The body of the request stopped arriving. Repeat the request.'),
  headers_too_large: entry(431, 'Headers too large', 'The request has too many header fields, or too long ones.'),
  target_too_long: entry(414, 'Request line too long', 'The request line is longer than this server reads.'),
  loop_detected: entry(508, 'Loop', 'The request came back to the server that forwarded it.', 'publisher'),
  overloaded: entry(
    503,
    'Too busy',
    'The server has more work than it can do now. Repeat the request later.',
    'operator',
  ),
  upgrade_not_supported: entry(501, 'Upgrade not supported', 'This route does not switch protocols.'),
  unsupported_media_type: entry(415, 'Unsupported media type', 'Send the body as application/json.'),
  method_not_allowed: entry(405, 'Method not allowed', 'This resource does not support that method.'),
  idempotency_conflict: entry(
    409,
    'Idempotency key reused',
    'This idempotency key was used with a different body. Use a new key for a new request.',
  ),

  // Who is it, may they
  unauthenticated: entry(401, 'Credential required', 'Send a valid credential as "Authorization: Bearer …".'),
  invalid_credentials: entry(401, 'Wrong e-mail or password', 'The e-mail address or the password is wrong.'),
  token_expired: entry(401, 'Token expired', 'The token has expired. Get a new one and repeat the request.'),
  token_revoked: entry(401, 'Token revoked', 'The token was revoked. Get a new one from the holder of the licence.'),
  refresh_reused: entry(
    401,
    'Refresh token reused',
    'This refresh token was already used, so the whole login was ended for safety. Log in again.',
  ),
  csrf_refused: entry(
    403,
    'Not from a page of ours',
    'A request with a session cookie that changes something must come from a page of this server, or carry the header "Nm-Csrf".',
  ),
  forbidden: entry(403, 'Not allowed', 'Your role does not allow this. Ask an owner or admin of the organisation.'),
  not_found: entry(404, 'Not found', 'There is no such resource, or it is not yours to see.'),
  conflict: entry(409, 'Conflict', 'The resource is not in a state that allows this.'),
  already_exists: entry(409, 'Already exists', 'A resource with that name exists already. Choose another name.'),
  version_immutable: entry(409, 'Version is immutable', 'A published version cannot change. Create a new version.'),
  last_owner: entry(409, 'Last owner', 'An organisation keeps at least one owner. Make somebody else owner first.'),

  // Licence decisions
  licence_expired: entry(
    403,
    'Licence expired',
    'This licence has expired. Renew it with the publisher of the app to go on.',
  ),
  licence_suspended: entry(
    403,
    'Licence suspended',
    'This licence is suspended. Ask the publisher of the app why, and to resume it.',
  ),
  licence_revoked: entry(
    403,
    'Licence revoked',
    'This licence was revoked and does not come back. Ask the publisher of the app for a new one.',
  ),
  licence_not_started: entry(
    403,
    'Licence not yet valid',
    'This licence is not valid yet. It starts at the time shown in "startsAt".',
  ),
  licence_read_only: entry(
    403,
    'Licence is read-only',
    'This licence is in its grace period and allows reading only. Renew it to change anything.',
  ),
  trial_ended: entry(402, 'Trial ended', 'This trial has ended. Get a licence from the publisher of the app to go on.'),
  rule_denied: entry(
    403,
    'Not allowed by the publisher',
    'A rule of the publisher of this app does not allow this request. Ask the publisher.',
  ),
  payment_required: entry(
    402,
    'Payment required',
    'The publisher of this app asks for a payment first. Settle it with the publisher to go on.',
  ),
  access_paused: entry(
    503,
    'Paused by the publisher',
    'The publisher has paused this app for you for the time being. Try again later.',
    'publisher',
  ),
  rule_read_only: entry(
    403,
    'Reading only',
    'A rule of the publisher of this app allows reading only. Ask the publisher to change anything.',
  ),
  rule_failed: entry(
    403,
    'Access rule failed',
    'An access rule of this app could not be evaluated for this request, so the answer is no. Its publisher has to repair the rule.',
    'publisher',
  ),
  offline_licence_invalid: entry(
    401,
    'Offline licence not valid',
    'This offline licence cannot be used here: it is damaged, of an unknown signer, for another app, or not valid yet. Get a new one from the publisher.',
  ),
  offline_licence_stale: entry(
    402,
    'Offline licence out of date',
    'This offline licence is too old to be relied on. Get a new one from the publisher of the app.',
  ),
  rules_invalid: entry(400, 'Access rules not valid', 'The access rules are not valid. See "issues" for each fault.'),
  licence_unverifiable: entry(
    503,
    'Licence cannot be verified',
    'The licence cannot be verified right now. Try again in a few seconds.',
    'operator',
  ),
  seats_exhausted: entry(
    429,
    'All sessions in use',
    'This licence allows no more sessions at the same time. End one, or try again after "Retry-After" seconds.',
  ),
  user_seats_exhausted: entry(
    402,
    'All user seats taken',
    'This licence has no seat left for another user. Ask the publisher of the app to free one, or for a larger plan.',
  ),
  rate_limited: entry(
    429,
    'Too many requests',
    'More requests came than are allowed here in this time. "scope" says whether the licence, the app or its publisher allows no more. Try again after "Retry-After" seconds.',
  ),
  concurrency_limited: entry(
    429,
    'Too many at once',
    'As many requests and streams as are allowed here are open at this moment ("scope" says of whom). Let one end, or try again after "Retry-After" seconds.',
  ),
  connections_limited: entry(
    429,
    'Too many connections',
    'As many connections as are allowed here are open at this moment, streams, WebSockets and requests that wait for a start among them ("scope" says of whom). Let one end, or try again after "Retry-After" seconds.',
  ),
  bytes_limited: entry(
    429,
    'Traffic used up',
    'More bytes went through than are allowed here in a day ("scope" says for whom). Try again after "Retry-After" seconds.',
  ),
  wakes_limited: entry(
    429,
    'Too many starts',
    'The app sleeps, and it was started as often as is allowed in an hour ("scope" says for whom). Try again after "Retry-After" seconds.',
  ),
  install_limit: entry(409, 'Install limit reached', 'This licence does not allow another install.'),
  install_required: entry(
    409,
    'Install needed',
    'This app runs once per install, and this licence has none that is ready. Register a cluster and create an install first.',
  ),
  install_ambiguous: entry(
    400,
    'Which install?',
    'This licence has several installs. Name one in the header "Nm-Install".',
  ),

  // Hosting
  no_published_version: entry(
    503,
    'No published version',
    'The publisher has not published a version of this app yet.',
    'publisher',
  ),
  wake_queue_full: entry(
    503,
    'App is starting',
    'The app is starting and too many requests wait for it already. Try again after "Retry-After" seconds.',
    'operator',
  ),
  wake_timeout: entry(
    503,
    'App did not start in time',
    'The app did not become ready in time. Try again after "Retry-After" seconds.',
    'publisher',
  ),
  wake_failed: entry(
    503,
    'App does not start',
    'The app fails to start. Its publisher finds the reason in the instance logs. Try again after "Retry-After" seconds.',
    'publisher',
  ),
  upstream_unreachable: entry(
    503,
    'App not reachable',
    'The app could not be reached. Try again in a few seconds.',
    'publisher',
  ),
  upstream_reset: entry(
    502,
    'App broke the connection',
    'The app ended the connection before it had answered.',
    'publisher',
  ),
  upstream_timeout: entry(504, 'App did not answer in time', 'The app did not answer in time.', 'publisher'),
  draining: entry(503, 'Shutting down', 'This server is shutting down. Repeat the request.', 'operator'),
  runtime_unavailable: entry(
    503,
    'Runtime not available',
    'The runtime that hosts this kind of version is not available here.',
    'operator',
  ),

  ...clusterCodes,

  // Ourselves
  config_invalid: entry(500, 'Configuration not valid', 'The configuration is not valid.', 'operator'),
  store_unavailable: entry(
    503,
    'Store not available',
    'The database cannot be reached right now. Try again in a few seconds.',
    'operator',
  ),
  plan_unreadable: entry(
    500,
    'Plan cannot be read',
    'The plan of this run cannot be read any more: what it was sealed with is lost. What the run had done stays as it is. Queue it anew.',
    'operator',
  ),
  seal_broken: entry(500, 'Secret cannot be opened', 'A stored secret cannot be opened.', 'operator'),
  internal: entry(500, 'Internal error', 'Something went wrong on our side. The request id helps us to find it.', 'us'),
} as const satisfies Record<string, CodeEntry>;

/** Stable name of a fault; clients may rely on it. */
export type Code = keyof typeof codes;
