import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { Fault } from '@nm/kernel/fault';
import type { Sharing } from '../contract/bodies.js';
import { startPlanned } from '../server/start-planned.js';
import { OpenVisit, type Visit } from '../server/visit.js';
import { spaceOf } from './query.js';
import { noteStatuses, statusesOf } from './statuses.js';

type Fields = Record<string, string | undefined>;
const shared = 'telem_perms';

/** Routes of the first generation about the app, which clients of it still call. */
@Controller('api')
export class OlderAppController {
  @Get('app/compute-status')
  async status(@OpenVisit() { session }: Visit, @Query() query: Fields) {
    return { app_status: await session.status(spaceOf(query)) };
  }

  @Post('app/compute-status')
  @HttpCode(200)
  async noteStatus(@OpenVisit() visit: Visit, @Query() query: Fields) {
    const status = await visit.session.status(spaceOf(query));
    return { app_status: status, job_id: await noteStatuses(visit, { [spaceOf(query)]: status }) };
  }

  @Post('app/sync-hub')
  @HttpCode(200)
  async sync(@OpenVisit() visit: Visit) {
    return { job_id: await noteStatuses(visit, await statusesOf(visit)) };
  }

  @Post('app/start-system-check')
  @HttpCode(200)
  async check(@OpenVisit() visit: Visit) {
    const planned = await visit.session.upkeep.systemCheck();
    return planned ? { status: 'running', job_id: await startPlanned(visit, planned) } : { status: 'positive' };
  }

  @Get('app/install-hooks')
  async installHooks(@OpenVisit() { session }: Visit) {
    return { data: await session.upkeep.hooks({ event: 'install' }) };
  }

  @Get('app/uninstall-hooks')
  async uninstallHooks(@OpenVisit() { session }: Visit) {
    return { data: await session.upkeep.hooks({ event: 'uninstall' }) };
  }

  @Post('app/hooks/:id/run')
  @HttpCode(200)
  async hook(@OpenVisit() visit: Visit, @Param('id') id: string) {
    return { data: { job_id: await startPlanned(visit, await visit.session.upkeep.planHook(id)) } };
  }

  @Get('app/glance-ids')
  async glances(@OpenVisit() { session }: Visit) {
    return { data: await session.upkeep.glances() };
  }

  @Get('app/glances/:id')
  async glance(@OpenVisit() { session }: Visit, @Param('id') id: string) {
    return { data: await session.upkeep.glance(id) };
  }

  @Get('status/telem')
  telemetry(@OpenVisit() _visit: Visit) {
    return { is_mongo_storage_ready: false };
  }

  @Get('status/telem-perms')
  async sharing(@OpenVisit() { session }: Visit) {
    const prefs = (await session.upkeep.entry('prefs')) as Record<string, unknown>;
    return { data: prefs[shared] ?? {} };
  }

  @Post('status/telem-perms')
  @HttpCode(200)
  async share(@OpenVisit() visit: Visit, @Body() { data }: Sharing) {
    const job = await startPlanned(visit, await visit.session.upkeep.planPrefs({ [shared]: data }));
    return { data, job_id: job };
  }

  @Get('status/templated_manifest')
  async manifest(@OpenVisit() { session }: Visit, @Query() query: Fields) {
    return { data: await session.updates.manifest(spaceOf(query)) };
  }

  @Get(['status/descriptors', 'status/descriptors/:kind'])
  descriptors(@OpenVisit() { bundle }: Visit, @Param('kind') kind = 'Model') {
    const own = bundle.query(kind).filter(({ space }) => space !== undefined);
    return { data: own.map(({ id, kind: of, space }) => ({ id, kind: of, space })) };
  }

  @Get('status/descriptors/:kind/:id')
  descriptor(@OpenVisit() { bundle }: Visit, @Param('kind') kind: string, @Param('id') id: string) {
    const found = bundle.find(id, kind);
    if (!found) throw new Fault('not_found', { public: `This app has no ${kind} "${id}".` });
    return { data: found.config };
  }

  @Get('status/default-descriptors')
  defaults(@OpenVisit() { bundle }: Visit) {
    const own = bundle.query('Model').filter(({ space }) => space === undefined);
    return { data: own.map(({ id, kind }) => ({ id, kind })) };
  }
}
