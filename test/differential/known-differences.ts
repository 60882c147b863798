/** A difference that is meant, or that a defect of the original explains. */
export interface KnownDifference {
  /** Of the request: `METHOD path body`. */
  readonly request: RegExp;
  /** Of the path at which the answers differ, `$.status` or below `$.body`. */
  readonly at: RegExp;
  readonly because: string;
}

const verdict = /^\$\.body\.data\.(status|message)$/;
const refusal = /^\$\.(status|body)/;

/** Each must be seen at least once in a whole run, or it is taken out of this list. */
export const knownDifferences: readonly KnownDifference[] = [
  {
    request: /^GET \/api\/variables\//,
    at: /\.(is_documented|is_secret|tags)$/,
    because: 'ours says more of a variable: whether it is declared, whether it is secret, its tags',
  },
  {
    request: /^GET \/api\/status /,
    at: /^\$\.body\./,
    because: 'identity is NMachine’s (app, install, digest of the bundle), and no token is ever shown',
  },
  {
    request: /\/api\/variables\/(all\?id_in=page\.title,page\.copies|detail\/page\.size)/,
    at: /\.value$/,
    because: 'the documented four levels: the original leaves user_injection_vars out of the merge',
  },
  {
    request: /detail\/page\.size /,
    at: /\.options\[\d\]$/,
    because: 'options that are written as texts get an id and a title, as clients expect',
  },
  {
    request: /\/api\/variables\/health/,
    at: /has_problems$/,
    because:
      'a health predicate without a challenge looks at the variable’s value; the original hands it over where nothing reads it',
  },
  { request: /detail\/text\.count /, at: /\.info$/, because: 'title and info are texts' },
  {
    request: /detail\/text\.props /,
    at: /\.title$/,
    because: 'no reflection: `=>` reads data, and does not call methods',
  },
  {
    request: /detail\/shows\.consts /,
    at: /\.(title|info)$/,
    because: '`>>` reads an attribute of whatever model it is asked of; the original has none to ask for Consts',
  },
  {
    request: /page\.positive\/validate \{"value":"2\.5"\}/,
    at: verdict,
    because: 'the original takes 2.5 for an integer (defect of FormatPredicate)',
  },
  { request: /page\.copies\/validate \{"value":2\.5\}/, at: verdict, because: 'the same' },
  { request: /page\.truth\/validate /, at: verdict, because: 'the original’s check of booleans is inverted' },
  {
    request: /page\.mail\/validate \{"value":3\}/,
    at: /\.message$/,
    because: 'a value of another type is told what is wanted, instead of that the validator failed',
  },
  {
    request: /page\.copies\/validate \{"value":10\}/,
    at: /\.message$/,
    because: 'a whole number is written as one (10, not 10.0)',
  },
  {
    request: /^GET \/api\/(operations\/op\.none|view_specs\/(groups|tables)\/nobody)/,
    at: refusal,
    because: 'errors carry a code and a sentence',
  },
  {
    request: /(steps\/nowhere\/|fields\/nobody\/)/,
    at: refusal,
    because: 'what is not there is 404 with a code; the original answers a page with 500',
  },
  {
    request: /^GET \/api\/actions\/(type\/simple|act\.check) /,
    at: /\.info$/,
    because: 'an action without an info has none; the original puts a sentence for its kind',
  },
  {
    request: /^GET \/api\/health\/predicates /,
    at: /\.data\[\d+\](\.(id|title|info))?$/,
    because:
      'prebuilt checks have words of ours; a predicate that is declared keeps its own id; what the original asks of its own cloud is left out',
  },
  {
    request: /^GET \/api\/app\/deletion_selectors /,
    at: /\.data$/,
    because: 'the original answers the number 3, whatever the app',
  },
  {
    request: /^GET \/api\/resources\/categories /,
    at: /\.data\[\d\]/,
    because: 'kinds that exist (the original has misspelt ones), each category with an id of its own',
  },
  {
    request: /^GET \/api\/resources\/definitions /,
    at: /\.versioned_apigroup$/,
    because: 'the original reads a column that kubectl no longer prints',
  },
  {
    request: /^GET \/api\/resources\/definitions /,
    at: /\.data\[\d+\]$/,
    because: 'the original takes the last, empty line of kubectl for a kind',
  },
  {
    request: /^POST \/api\/echo /,
    at: /_parse$/,
    because: 'bodies have one parser, so there is one answer to show',
  },
];
