import { beforeAll, describe, expect, it } from 'vitest';
import { KamaClient } from './kama-client.js';

/** What the suite has to know of the app that it drives. */
export interface DrivenApp {
  /** A variable with validators: two values that pass, one that does not. */
  readonly variable: { readonly id: string; readonly good: readonly [unknown, unknown]; readonly bad: unknown };
  /** An operation whose first step writes that variable and hides a field until `shows` is typed. */
  readonly operation: {
    readonly id: string;
    readonly step: string;
    readonly plain: Readonly<Record<string, unknown>>;
    readonly shows: Readonly<Record<string, unknown>>;
    readonly hidden: { readonly field: string; readonly good: unknown; readonly bad: unknown };
    readonly nextStep: string;
  };
  /** A check that can be run. */
  readonly check: string;
}

export interface DrivenKama {
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Methods and paths that nobody calls by themselves: they want the id of something that the suite has made. */
const wantsMore = /\{|^(POST|PATCH)/;

/**
 * kamaConformance drives a KAMA over HTTP only, in the sequences of its clients, and holds every answer to the server's own OpenAPI document. It runs
 * against a server of any kind: what it is given is a URL and headers.
 */
export function kamaConformance(target: () => DrivenKama, app: DrivenApp): void {
  const at = `/api/operations/${app.operation.id}`;
  const step = `${at}/steps/${app.operation.step}`;
  let kama: KamaClient;
  const detail = () => kama.data(`/api/variables/detail/${app.variable.id}`);
  const commit = async (value: unknown) => {
    const { body } = await kama.post('/api/variables/commit-apply', { assignments: { [app.variable.id]: value } });
    return kama.settled(body.data.job_id);
  };

  describe('a KAMA, as its clients see it', () => {
    beforeAll(() => {
      const { baseUrl, headers } = target();
      kama = new KamaClient(baseUrl, headers);
    });

    it('answers to a ping, tells how it stands, and never tells a credential', async () => {
      expect((await kama.get('/api/ping')).body).toEqual({ ping: 'pong' });
      const { body } = await kama.get('/api/status');
      expect(body).toMatchObject({ sanity: '2', is_healthy: true });
      expect(JSON.stringify(body)).not.toMatch(/install_token|connect_config|bearer|BEGIN /i);
    });

    it('answers every list that it documents', async () => {
      const { paths } = await kama.document();
      for (const [path, methods] of Object.entries(paths))
        for (const method of Object.keys(methods)) {
          const route = `${method.toUpperCase()} ${path}`;
          if (wantsMore.test(route)) continue;
          const query = path.endsWith('/for_kinds') ? '?kinds=configmaps' : '';
          expect((await kama.get(path + query)).status, route).toBeLessThan(404);
        }
    });

    it('says the same again: a GET changes nothing', async () => {
      const before = await kama.data('/api/variables/all');
      for (const path of ['/api/app/status', '/api/variables/populate-defaults', '/api/app/compute-status'])
        expect((await kama.get(path)).status).toBe(200);
      expect(await kama.data('/api/variables/all')).toEqual(before);
    });

    it('refuses what it does not have with a code and a sentence', async () => {
      for (const path of [
        '/api/nothing',
        '/api/operations/nope',
        `${at}/steps/nope/next`,
        '/api/app/jobs/nope/status',
        '/api/actions/nope',
        '/api/releases/nope',
        '/api/view_specs/groups/nope',
        '/api/view_specs/containers/nope/meta',
        '/api/view_specs/tables/nope/compute',
        '/api/view_specs/grids/nope/cells/nope/compute',
        '/api/telem/config_backups/detail/nope',
        '/api/resources/detail/deployment/there-is-none',
        '/api/app/glances/nope',
      ])
        expect((await kama.get(path)).status, path).toBe(404);
      for (const path of [`${step}/fields/nope/validate`, '/api/plugins/all/nope/initialize', '/api/actions/nope/run'])
        expect((await kama.post(path, { value: 1 })).status, path).toBe(404);
    });

    it('refuses bodies that lack what the route needs, and says what', async () => {
      for (const [path, member] of [
        [`/api/variables/detail/${app.variable.id}/validate`, 'value'],
        [`${step}/fields/${app.operation.hidden.field}/validate`, 'value'],
        ['/api/variables/commit-apply', 'assignments'],
        ['/api/variables/commit-unsets', 'victim_keys'],
        ['/api/actions/run_predicates', 'predicates'],
        ['/api/resources/query', 'resource_kinds'],
        ['/api/app/presets/any/commit-apply', 'whitelist'],
      ] as const) {
        const { status, body } = await kama.post(path, {});
        expect([status, body.code], path).toEqual([400, 'invalid_body']);
        expect(body.reason).toContain(member);
      }
      expect((await kama.send('POST', '/api/variables/commit-apply', '{')).body.code).toBe('malformed_json');
    });

    it('reads a body within a string as it reads the body itself', async () => {
      const path = `/api/variables/detail/${app.variable.id}/validate`;
      const plain = await kama.post(path, { value: app.variable.bad });
      const within = await kama.send('POST', path, JSON.stringify(JSON.stringify({ value: app.variable.bad })));
      expect([within.status, within.body]).toEqual([200, plain.body]);
      expect(plain.body.data.status).toBe('error');
    });

    it('validates values, names each variable once, and makes unknown ones up', async () => {
      const path = `/api/variables/detail/${app.variable.id}/validate`;
      for (const value of app.variable.good) {
        expect((await kama.post(path, { value })).body.data).toEqual({ status: 'valid', message: null });
        expect((await kama.post(path, { value: String(value) })).body.data.status).toBe('valid');
      }
      const all = await kama.data('/api/variables/all');
      expect(all.filter((each: { id: string }) => each.id === app.variable.id)).toHaveLength(1);
      expect(await kama.data(`/api/variables/all?id_in=${app.variable.id}`)).toHaveLength(1);
      expect(await kama.data('/api/variables/all?space=there.is.none')).toEqual([]);
      expect(await kama.data('/api/variables/detail/made.up')).toMatchObject({ title: '', value: null });
    });

    it('commits variables by a job, and takes them back by another', async () => {
      const [first, second] = app.variable.good;
      for (const value of [first, second]) {
        expect((await commit(value)).status).toBe('positive');
        expect((await detail()).value).toBe(value);
      }
      const present = async () =>
        (await detail()).assignments.find((each: { level_name: string }) => each.level_name === 'user_vars').is_present;
      expect(await present()).toBe(true);
      const { body } = await kama.post('/api/variables/commit-unsets', { victim_keys: [app.variable.id] });
      expect((await kama.settled(body.data.job_id)).status).toBe('positive');
      expect(await present()).toBe(false);
    });

    it('leads through an operation: begin, preflight, refresh, validate, run, next', async () => {
      const { hidden, plain, shows } = app.operation;
      expect((await kama.data('/api/operations')).map((each: { id: string }) => each.id)).toContain(app.operation.id);
      expect((await kama.data(at)).step_metas[0].id).toBe(app.operation.step);
      const begun = await kama.post(`${at}/generate-ost`);
      const ost = { Ostid: begun.body.data as string };
      const preflight = (await kama.post(`${at}/eval-preflight`, {}, ost)).body.data.job_id;
      if (preflight !== null) expect((await kama.settled(preflight)).status).toBe('positive');
      const fieldsFor = async (values: object) =>
        (await kama.post(`${step}/refresh`, { values }, ost)).body.data.step.fields.map(
          (each: { id: string }) => each.id,
        );
      expect(await fieldsFor(plain)).not.toContain(hidden.field);
      expect(await fieldsFor(shows)).toContain(hidden.field);
      const said = async (value: unknown) =>
        (await kama.post(`${step}/fields/${hidden.field}/validate`, { value, values: shows }, ost)).body.data.status;
      expect([await said(hidden.bad), await said(hidden.good)]).toEqual(['error', 'valid']);
      const values = { ...shows, [hidden.field]: hidden.good };
      const preview = (await kama.post(`${step}/preview-chart-assignments`, { values }, ost)).body.data;
      expect(JSON.stringify(preview)).not.toContain(String(hidden.good));
      const { body } = await kama.post(`${step}/run`, { values }, ost);
      expect((await kama.settled(body.data.job_id)).status).toBe('positive');
      expect((await detail()).value).toBe(shows[app.variable.id]);
      expect((await kama.get(`${step}/status`, ost)).body.status).toBe('positive');
      expect((await kama.get(`${step}/next`, ost)).body.step_id).toBe(app.operation.nextStep);
      expect((await kama.data('/api/operations/osts', ost))[0]).toMatchObject({ operation: app.operation.id });
      expect(JSON.stringify(await kama.data('/api/operations/osts', ost))).not.toContain(String(hidden.good));
      expect((await kama.post('/api/operations/mark-finished', { status: 'positive' }, ost)).status).toBe(200);
      expect((await kama.post(`${step}/run`, { values }, { Ostid: 'zzzzzzzzzz' })).status).toBe(404);
    });

    it('runs checks, named, listed or written down, each with a node of its own', async () => {
      const check = async (predicates: unknown[]) => {
        const { body } = await kama.post('/api/actions/run_predicates', { predicates });
        expect(body.status).toBe('running');
        return kama.settled(body.job_id);
      };
      const inline = { kind: 'Predicate', title: 'One is two', challenge: 1, check_against: 2, reason: 'It is not' };
      const job = await check([`id::${app.check}`, inline]);
      expect(job.status).toBe('negative');
      expect(job.progress.sub_items.map((each: { status: string }) => each.status)[1]).toBe('negative');
      const listed = await kama.data('/api/actions/type/system_check');
      expect(listed.map((each: { id: string }) => each.id)).toContain(app.check);
      const run = await kama.post(`/api/actions/${app.check}/run`);
      expect(['positive', 'negative']).toContain((await kama.settled(run.body.job_id)).status);
      const written = Buffer.from(JSON.stringify({ kind: 'RunPredicateAction', predicate: inline })).toString('base64');
      const other = await kama.post(`/api/actions/${encodeURIComponent(written)}/run`);
      expect((await kama.settled(other.body.job_id)).status).toBe('negative');
    });

    it('notes how the app is when it is told to, by a job', async () => {
      const { body } = await kama.post('/api/app/compute-and-sync-statuses');
      expect(['running', 'broken', 'error']).toContain(body.statuses.app);
      expect((await kama.settled(body.job_id)).status).toBe('positive');
    });

    it('keeps copies of the Kamafile, shows them, and puts variables back', async () => {
      const { status, body } = await kama.post('/api/telem/config_backups/new', { name: 'before the weekend' });
      expect([status, body.record?.trigger], JSON.stringify(body)).toEqual([200, 'user']);
      expect((await kama.settled(body.job_id)).status).toBe('positive');
      const kept = await kama.data(`/api/telem/config_backups/detail/${body.record.id}`);
      expect(kept).toMatchObject({ name: 'before the weekend', config: { app: expect.any(Object) } });
      const ids = (await kama.data('/api/telem/config_backups/index')).map((each: { id: string }) => each.id);
      expect(ids).toContain(body.record.id);
      const then = (await detail()).value;
      const other = app.variable.good.find((value) => value !== then);
      expect((await commit(other)).status).toBe('positive');
      const restored = await kama.post(`/api/telem/config_backups/detail/${body.record.id}/restore`);
      expect((await kama.settled(restored.body.data.job_id)).status).toBe('positive');
      expect((await detail()).value).toBe(then);
    });

    it('answers to the names of the first generation', async () => {
      expect((await kama.data('/api/manifest-variable')).length).toBe((await kama.data('/api/variables/all')).length);
      const stage = `${at}/stages/any/steps/${app.operation.step}/refresh`;
      expect((await kama.post(stage, { values: {} })).status).toBe(200);
      expect((await kama.get('/api/app/compute-status')).body.app_status).toMatch(/^(running|broken|error)$/);
    });
  });
}
