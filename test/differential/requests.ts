/** Request is asked of both servers. */
export interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
}

const get = (path: string): Request => ({ method: 'GET', path });
const post = (path: string, body: unknown): Request => ({ method: 'POST', path, body });
const validate = (id: string, value: unknown): Request => post(`/api/variables/detail/${id}/validate`, { value });

const texts = [
  ...['plain', 'shorthand', 'by-id', 'jq', 'jq-functions', 'self', 'nothing', 'falsy', 'count', 'namespace', 'dollars'],
  ...['many', 'lookback', 'inherits', 'inherits-id', 'cached', 'consts', 'kind', 'props'],
].map((name) => `text.${name}`);
const shows = ['if', 'merge', 'join', 'flat', 'config', 'consts', 'unset', 'pluck', 'prefs'].map(
  (name) => `shows.${name}`,
);
const page = [
  ...['title', 'copies', 'colour', 'size', 'shown', 'agreed', 'tags', 'flat', 'mail', 'domain', 'number', 'positive'],
  ...['truth', 'warned', 'healthy', 'kept'],
].map((name) => `page.${name}`);
const operators = Array.from({ length: 21 }, (_, index) => `op.${String(index).padStart(2, '0')}`);
const challenges: readonly unknown[] = [3, '3', 2, 'a', ['a', 'b'], [], null, false];
const policies = ['each-true', 'each-false', 'some-true', 'some-false'].map((name) => `many.${name}`);
const lists: readonly unknown[] = [[3, 4], [1, 4], [1, 2], []];

/** Values for each format, some of which are that and some not. */
const formats: Readonly<Record<string, readonly unknown[]>> = {
  'page.mail': ['a@example.test', 'a@', 'example.test', '', 3],
  'page.domain': ['example.test', 'a.b.example.test', 'no domain', '-x.test', ''],
  'page.number': ['1', '1.5', 'one', 7, -7, ''],
  'page.positive': ['1', '0', '-3', '2.5', 'x', 12],
  'page.truth': ['true', 'false', 'yes', true, false, 1],
  'page.copies': [3, 9, 10, '7', 'many', 2.5],
  'page.colour': ['red', 'green', '', null],
  'page.title': ['Hi', '', null, 0],
  'page.warned': ['odd', 'even'],
};

const inOperation = (step: string, rest: string, body: unknown): Request =>
  post(`/api/operations/op.order/steps/${step}/${rest}`, body);

/** Everything that is asked; none of it changes anything that another request sees. */
export const requests: readonly Request[] = [
  get('/api/ping'),
  get('/api/status'),
  get('/api/variables/categories'),
  get('/api/variables/defaults'),
  get('/api/variables/health?id_in=page.title,page.healthy,page.shown'),
  get(`/api/variables/all?id_in=${page.join(',')}`),
  get('/api/variables/all?id_in=page.title'),
  get('/api/variables/all?id_in=nobody'),
  get('/api/variables/all?category=id::cat.store&id_in=page.flat,page.title'),
  get('/api/variables/all?space=elsewhere'),
  ...[...texts, ...shows, ...page].map((id) => get(`/api/variables/detail/${id}`)),
  get('/api/variables/detail/page.undocumented'),
  get('/api/variables/detail/no.such.variable'),
  ...operators.flatMap((id) => challenges.map((value) => validate(id, value))),
  ...['op.negated', 'op.both'].flatMap((id) => [3, 4].map((value) => validate(id, value))),
  ...policies.flatMap((id) => lists.map((value) => validate(id, value))),
  ...Object.entries(formats).flatMap(([id, values]) => values.map((value) => validate(id, value))),
  validate('page.undocumented', 'x'),
  get('/api/operations'),
  get('/api/operations?space=app'),
  ...['op.order', 'op.plain', 'op.hidden', 'op.none'].map((id) => get(`/api/operations/${id}`)),
  inOperation('amount', 'refresh', { values: {} }),
  inOperation('amount', 'refresh', { values: { 'page.copies': 3 } }),
  inOperation('amount', 'refresh', { values: { 'page.copies': 8 } }),
  inOperation('amount', 'preview-chart-assignments', { values: { 'page.copies': 8 } }),
  inOperation('branch', 'refresh', { values: { way: 'left' } }),
  inOperation('last', 'refresh', { values: {} }),
  inOperation('nowhere', 'refresh', { values: {} }),
  inOperation('amount', 'fields/page.copies/validate', { value: 3 }),
  inOperation('amount', 'fields/page.copies/validate', { value: 10 }),
  inOperation('amount', 'fields/reason/validate', { value: '' }),
  inOperation('amount', 'fields/reason/validate', { value: 'more' }),
  inOperation('amount', 'fields/nobody/validate', { value: 'x' }),
  get('/api/operations/op.order/steps/amount/next'),
  get('/api/operations/op.order/steps/last/next'),
  get('/api/operations/op.order/steps/end/next'),
  get('/api/actions/type/simple'),
  get('/api/actions/type/system_check'),
  get('/api/actions/act.nothing'),
  get('/api/actions/act.check'),
  get('/api/app/presets'),
  get('/api/plugins/all'),
  get('/api/health/predicates'),
  get('/api/releases'),
  get('/api/app/uninstall-victim-groups'),
  get('/api/app/deletion_selectors'),
  get('/api/app/status'),
  get('/api/resources/categories'),
  get('/api/resources/definitions'),
  get('/api/view_specs/groups/app.view-group.home'),
  get('/api/view_specs/groups/nobody'),
  get('/api/view_specs/containers/view.grid/meta'),
  get('/api/view_specs/containers/view.table/meta'),
  get('/api/view_specs/tables/view.table/compute'),
  get('/api/view_specs/tables/nobody/compute'),
  get('/api/view_specs/grids/view.grid/cells/view.cell/compute'),
  get('/api/view_specs/grids/view.grid/cells/view.cell-2/compute'),
  get('/api/telem/config_backups/index'),
  post('/api/echo', { a: 1 }),
];
