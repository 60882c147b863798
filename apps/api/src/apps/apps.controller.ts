import { Body, Controller, Get, Header, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Allow, CurrentOrg, Needs, type OrgAccess } from '@nm/features/access';
import { changeApp, createApp, listApps, listInstances, readApp, readInstanceLog } from '@nm/features/apps';
import { Answers } from '@nm/features/http';
import { App, ChangeApp, CreateApp, InstanceView, type Page, PageQuery, pageOf } from '@nm/kernel/contracts';

@ApiTags('apps')
@Controller('v1/orgs/:org/apps')
@Allow('publisher')
export class AppsController {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  @Get()
  @Needs('apps.read')
  @Answers(200, pageOf(App, 'AppPage'), 'The apps of the organisation')
  list(@CurrentOrg() org: OrgAccess, @Query({ schema: PageQuery }) query: PageQuery): Promise<Page<App>> {
    return listApps(this.#db, org.id, query);
  }

  @Post()
  @Needs('apps.write')
  @Answers(201, App, 'Make an app')
  create(@CurrentOrg() org: OrgAccess, @Body({ schema: CreateApp }) body: CreateApp): Promise<App> {
    return createApp(this.#db, org.id, body);
  }

  @Get(':app')
  @Needs('apps.read')
  @Answers(200, App, 'One app')
  read(@CurrentOrg() org: OrgAccess, @Param('app') app: string): Promise<App> {
    return readApp(this.#db, org.id, app);
  }

  @Patch(':app')
  @Needs('apps.write')
  @Answers(200, App, 'Change the settings of an app: kind, engines, CORS, limits')
  change(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Body({ schema: ChangeApp }) body: ChangeApp,
  ): Promise<App> {
    return changeApp(this.#db, org.id, app, body);
  }

  @Get(':app/instances')
  @Needs('instances.read')
  @Answers(200, pageOf(InstanceView, 'InstancePage'), 'What runs, or ran, of the app')
  instances(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<InstanceView>> {
    return listInstances(this.#db, org.id, app, query);
  }

  @Get(':app/instances/:id/logs')
  @Needs('logs.read')
  @Answers(200, undefined, 'The newest output of an instance, at most 1 MiB')
  @ApiOkResponse({ description: 'Plain text', content: { 'text/plain': { schema: { type: 'string' } } } })
  @Header('Content-Type', 'text/plain; charset=utf-8')
  logs(@CurrentOrg() org: OrgAccess, @Param('app') app: string, @Param('id') id: string): Promise<string> {
    return readInstanceLog(this.#db, org.id, app, id);
  }
}
