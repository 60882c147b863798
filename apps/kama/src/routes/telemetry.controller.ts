import { Body, Controller, Get, HttpCode, Param, Patch, Post } from '@nestjs/common';
import { Fault } from '@nm/kernel/fault';
import type { BackupName, Sharing, StoreChoice } from '../contract/bodies.js';
import { backupDetail, backupStores, backupView, storePreference } from '../installs/backups.js';
import { startBackup } from '../server/start-backup.js';
import { startPlanned } from '../server/start-planned.js';
import { OpenVisit, type Visit } from '../server/visit.js';

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
    const found = (await install.kamafile.backups()).find((each) => each.id === id);
    if (!found) throw new Fault('not_found', { public: 'dne' });
    return { data: backupDetail(found) };
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
