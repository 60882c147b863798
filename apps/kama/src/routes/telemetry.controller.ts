import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { Fault } from '@nm/kernel/fault';
import type { BackupName, Sharing, StoreChoice } from '../contract/bodies.js';
import { type Backup, backupDetail, backupStores, backupView, storePreference } from '../installs/backups.js';
import type { InstallAccess } from '../installs/install-access.js';
import { startBackup, startWipe } from '../server/start-backup.js';
import { startPlanned } from '../server/start-planned.js';
import { OpenVisit, type Visit } from '../server/visit.js';
import { spaceOf } from './query.js';

type Fields = Record<string, string | undefined>;

/** Copies of the Kamafile, and what was done with the install. */
@Controller('api/telem')
export class TelemetryController {
  @Get(['config_backups/index', 'config_backups'])
  async backups(@OpenVisit() { install }: Visit) {
    return { data: (await install.kamafile.backups()).map(backupView) };
  }

  @Post('config_backups/new')
  @HttpCode(200)
  newBackup(@OpenVisit() visit: Visit, @Body() { name }: BackupName) {
    return startBackup(visit, name ?? '');
  }

  @Get(['config_backups/detail/:id', 'config_backups/:id'])
  async backup(@OpenVisit() { install }: Visit, @Param('id') id: string) {
    return { data: backupDetail(await keptAs(install, id)) };
  }

  @Post('config_backups/detail/:id/restore')
  @HttpCode(200)
  async restore(@OpenVisit() visit: Visit, @Param('id') id: string, @Query() query: Fields) {
    const { data } = await keptAs(visit.install, id);
    const space = spaceOf(query);
    if (!data[space]) throw new Fault('not_found', { public: `The backup has no space "${space}".` });
    const given = { values: data[space]['user_vars'] ?? {} };
    const planned = await visit.session.planAction('sdk.action.restore_template_apply_safely', given, space);
    return { data: { job_id: await startPlanned(visit, planned) } };
  }

  @Get('backends/available')
  stores(@OpenVisit() _visit: Visit) {
    return { data: backupStores };
  }

  @Get('backends/current')
  store(@OpenVisit() _visit: Visit) {
    return { data: backupStores[0] ?? null };
  }

  @Post('backends/current')
  @HttpCode(200)
  async choose(@OpenVisit() visit: Visit, @Body() { meta_id }: StoreChoice) {
    if (!backupStores.some(({ id }) => id === meta_id)) throw new Fault('not_found', { public: `no store ${meta_id}` });
    const planned = await visit.session.upkeep.planPrefs({ [storePreference]: meta_id });
    return { data: 'ok', job_id: await startPlanned(visit, planned) };
  }

  @Post('wipe')
  @HttpCode(200)
  wipe(@OpenVisit() visit: Visit) {
    return startWipe(visit);
  }

  @Get('events')
  async events(@OpenVisit() { install }: Visit) {
    return { data: (await install.runs.list?.()) ?? [] };
  }

  @Get('prefs')
  async prefs(@OpenVisit() { session }: Visit) {
    return { data: await session.upkeep.entry('prefs') };
  }

  @Patch('prefs')
  async changePrefs(@OpenVisit() visit: Visit, @Body() { data }: Sharing) {
    return { data: { job_id: await startPlanned(visit, await visit.session.upkeep.planPrefs(data)) } };
  }
}

async function keptAs({ kamafile }: InstallAccess, id: string): Promise<Backup> {
  const found = (await kamafile.backups()).find((each) => each.id === id);
  if (!found) throw new Fault('not_found', { public: 'dne' });
  return found;
}
