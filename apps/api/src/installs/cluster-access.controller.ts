import { Body, Controller, Delete, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Allow, CurrentPrincipal, type LicenseePrincipal, LooksOnly } from '@nm/features/access';
import {
  createKubeconfig,
  listClusterCalls,
  listInstallTokens,
  revokeInstallToken,
  setClusterAccess,
  type TokenDeps,
} from '@nm/features/cluster-access';
import { ContextKeys } from '@nm/features/context';
import { Answers } from '@nm/features/http';
import {
  ClusterCall,
  ClusterCallQuery,
  CreateKubeconfig,
  InstallToken,
  Kubeconfig,
  type Page,
  PageQuery,
  pageOf,
  SetClusterAccess,
} from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import type { ApiConfig } from '../platform/api-config.js';
import { API_CONFIG, CLOCK } from '../platform/tokens.js';

/** How an install's part of a cluster is lent through the proxy, and what came of it. */
@ApiTags('installs')
@Controller('v1/installs/:id')
@Allow('licensee')
export class ClusterAccessController {
  readonly #deps: TokenDeps;

  constructor(db: Db, keys: ContextKeys, @Inject(CLOCK) clock: Clock, @Inject(API_CONFIG) config: ApiConfig) {
    this.#deps = { db, clock, keys, ...config.kubeDoor };
  }

  @Post('kubeconfig')
  @Answers(201, Kubeconfig, 'A kubeconfig for kubectl, helm and the like, worth this install for an hour at most')
  kubeconfig(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Param('id') id: string,
    @Body({ schema: CreateKubeconfig }) body: CreateKubeconfig,
  ): Promise<Kubeconfig> {
    return createKubeconfig(this.#deps, principal, id, body);
  }

  @Get('tokens')
  @Answers(200, pageOf(InstallToken, 'InstallTokenPage'), 'Tokens of an install, the newest first')
  tokens(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Param('id') id: string,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<InstallToken>> {
    return listInstallTokens(this.#deps, principal, id, query);
  }

  @Delete('tokens/:token')
  @LooksOnly()
  @Answers(204, undefined, 'Revoke a token; what is open by it is cut')
  revoke(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Param('id') id: string,
    @Param('token') token: string,
  ): Promise<void> {
    return revokeInstallToken(this.#deps, principal, id, token);
  }

  @Post('cluster-access')
  @LooksOnly()
  @Answers(
    200,
    SetClusterAccess,
    'Shut the cluster proxy for this install, with all that is open through it, or open it again',
  )
  access(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Param('id') id: string,
    @Body({ schema: SetClusterAccess }) body: SetClusterAccess,
  ): Promise<SetClusterAccess> {
    return setClusterAccess(this.#deps, principal, id, body);
  }

  @Get('cluster-calls')
  @Answers(
    200,
    pageOf(ClusterCall, 'ClusterCallPage'),
    'What was changed on the cluster through the proxy, the newest first',
  )
  calls(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Param('id') id: string,
    @Query({ schema: ClusterCallQuery }) query: ClusterCallQuery,
  ): Promise<Page<ClusterCall>> {
    return listClusterCalls(this.#deps, principal, id, query);
  }
}
