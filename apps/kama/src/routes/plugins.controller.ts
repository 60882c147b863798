import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import type { PluginIdentity } from '../contract/bodies.js';
import { startPlanned } from '../server/start-planned.js';
import { OpenVisit, type Visit } from '../server/visit.js';

/** Plugins, each with a space of its own. A token of a plugin is neither told nor taken: this server calls in the name of who asks. */
@Controller('api/plugins')
export class PluginsController {
  @Get('all')
  async all(@OpenVisit() { session }: Visit) {
    return { data: await session.upkeep.plugins() };
  }

  @Post('all/:id/initialize')
  @HttpCode(200)
  async initialize(@OpenVisit() visit: Visit, @Param('id') id: string, @Body() body: PluginIdentity) {
    const { install_id, ktea, publisher_identifier, app_identifier } = body;
    const entries = { install_id, ktea, publisher_identifier, app_identifier };
    const planned = await visit.session.upkeep.planPlugin(id, entries);
    return { data: 'success', job_id: await startPlanned(visit, planned) };
  }
}
