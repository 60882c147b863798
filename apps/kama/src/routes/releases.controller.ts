import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { startPlanned } from '../server/start-planned.js';
import { OpenVisit, type Visit } from '../server/visit.js';
import { filterOf, spaceOf } from './query.js';

type Fields = Record<string, string | undefined>;
const perform = 'sdk.action.perform_update';

/** Releases of the templating engine. */
@Controller()
export class ReleasesController {
  @Get('api/releases')
  async list(@OpenVisit() { session }: Visit, @Query() query: Fields) {
    return { data: await session.updates.releases(filterOf(query).spaces) };
  }

  @Get(['api/releases/next-available', 'api/updates/next-available'])
  async next(@OpenVisit() { session }: Visit) {
    return { data: await session.updates.next() };
  }

  @Get('api/updates/outcomes')
  async outcomes(@OpenVisit() { install }: Visit) {
    return { data: (await install.runs.list?.(perform)) ?? [] };
  }

  @Get(['api/releases/:id', 'api/updates/:id'])
  async one(@OpenVisit() { session }: Visit, @Param('id') id: string, @Query() query: Fields) {
    return { data: await session.updates.release(id, spaceOf(query)) };
  }

  @Get('api/releases/:id/preview-variables')
  async variables(@OpenVisit() { session }: Visit, @Param('id') id: string, @Query() query: Fields) {
    return { data: await session.updates.previewVariables(id, spaceOf(query)) };
  }

  @Get('api/releases/:id/preview-manifest')
  async manifest(@OpenVisit() { session }: Visit, @Param('id') id: string, @Query() query: Fields) {
    return { data: await session.updates.previewManifest(id, spaceOf(query)) };
  }

  @Get('api/updates/:id/preview')
  async preview(@OpenVisit() { session }: Visit, @Param('id') id: string) {
    const { old, new: next } = await session.updates.previewManifest(id);
    const defaults = { old: await session.defaults(), new: await session.updates.previewVariables(id) };
    return { defaults, manifest: { old, new: next } };
  }

  @Post(['api/releases/:id/apply', 'api/updates/:id/apply'])
  @HttpCode(200)
  async apply(@OpenVisit() visit: Visit, @Param('id') id: string, @Query() query: Fields) {
    const planned = await visit.session.updates.apply(id, spaceOf(query));
    return { data: { job_id: await startPlanned(visit, planned) } };
  }
}
