import { Body, Controller, Delete, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Vault } from '@nm/adapters/vault';
import { Allow, CurrentPrincipal, type LicenseePrincipal, ReadsOnly } from '@nm/features/access';
import { Answers } from '@nm/features/http';
import {
  createInstall,
  getInstall,
  type InstallDeps,
  listInstalls,
  previewInstall,
  removeInstall,
} from '@nm/features/installs';
import {
  CreateInstall,
  Install,
  InstallPreview,
  type Page,
  PageQuery,
  PreviewInstall,
  pageOf,
  RemovedInstall,
} from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import { CLOCK } from '../platform/tokens.js';

@ApiTags('installs')
@Controller('v1/installs')
@Allow('licensee')
export class InstallsController {
  readonly #deps: InstallDeps;

  constructor(db: Db, vault: Vault, @Inject(CLOCK) clock: Clock) {
    this.#deps = { db, vault, clock };
  }

  @Post()
  @Answers(201, Install, 'Install the licence’s app in a namespace; a run prepares it')
  create(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Body({ schema: CreateInstall }) body: CreateInstall,
  ): Promise<Install> {
    return createInstall(this.#deps, principal, body);
  }

  @Post('preview')
  @ReadsOnly()
  @Answers(200, InstallPreview, 'What an install would be given on a cluster, rule by rule')
  preview(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Body({ schema: PreviewInstall }) body: PreviewInstall,
  ): Promise<InstallPreview> {
    return previewInstall(this.#deps, principal, body);
  }

  @Get()
  @Answers(200, pageOf(Install, 'InstallPage'), 'My installs')
  list(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<Install>> {
    return listInstalls(this.#deps, principal, query);
  }

  @Get(':id')
  @Answers(200, Install, 'One install')
  read(@CurrentPrincipal() principal: LicenseePrincipal, @Param('id') id: string): Promise<Install> {
    return getInstall(this.#deps, principal, id);
  }

  @Delete(':id')
  @Answers(202, RemovedInstall, 'Remove an install; a run takes its identity off the cluster, the namespace stays')
  remove(@CurrentPrincipal() principal: LicenseePrincipal, @Param('id') id: string): Promise<RemovedInstall> {
    return removeInstall(this.#deps, principal, id);
  }
}
