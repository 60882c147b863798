import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Allow, CurrentOrg, Needs, type OrgAccess } from '@nm/features/access';
import { createVersion, listVersions, publishVersion, readVersion, yankVersion } from '@nm/features/apps';
import { Answers } from '@nm/features/http';
import { CreateVersion, type Page, PageQuery, pageOf, Version } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import { CLOCK } from '../platform/tokens.js';

@ApiTags('versions')
@Controller('v1/orgs/:org/apps/:app/versions')
@Allow('publisher')
export class VersionsController {
  readonly #db: Db;
  readonly #clock: Clock;

  constructor(db: Db, @Inject(CLOCK) clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  @Get()
  @Needs('apps.read')
  @Answers(200, pageOf(Version, 'VersionPage'), 'The versions of an app')
  list(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<Version>> {
    return listVersions(this.#db, org.id, app, query);
  }

  @Post()
  @Needs('apps.write')
  @Answers(201, Version, 'Make a version; it never changes afterwards')
  create(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Body({ schema: CreateVersion }) body: CreateVersion,
  ): Promise<Version> {
    return createVersion(this.#db, org.id, app, body);
  }

  @Get(':version')
  @Needs('apps.read')
  @Answers(200, Version, 'One version')
  read(@CurrentOrg() org: OrgAccess, @Param('app') app: string, @Param('version') version: string): Promise<Version> {
    return readVersion(this.#db, org.id, app, version);
  }

  @Post(':version/publish')
  @Needs('apps.write')
  @Answers(200, Version, 'Open a version to licensees; the first one becomes the channel "stable"')
  publish(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Param('version') version: string,
  ): Promise<Version> {
    return publishVersion({ db: this.#db, clock: this.#clock }, org.id, app, version);
  }

  @Post(':version/yank')
  @Needs('apps.write')
  @Answers(200, Version, 'Take a published version back')
  yank(@CurrentOrg() org: OrgAccess, @Param('app') app: string, @Param('version') version: string): Promise<Version> {
    return yankVersion(this.#db, org.id, app, version);
  }
}
