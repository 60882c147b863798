import { Body, Controller, Delete, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Allow, CurrentPrincipal, type LicenseePrincipal } from '@nm/features/access';
import { agentManifest, agentStatus, replaceAgentToken, revokeAgentToken } from '@nm/features/clusters';
import { Answers } from '@nm/features/http';
import { AgentManifest, AgentManifestQuery, AgentStatus, AgentToken, ReplaceAgentToken } from '@nm/kernel/contracts';
import type { ApiConfig } from '../platform/api-config.js';
import { API_CONFIG } from '../platform/tokens.js';
import { ClusterAccess } from './cluster-access.js';

@ApiTags('clusters')
@Controller('v1/clusters/:id')
@Allow('licensee')
export class AgentsController {
  readonly #access: ClusterAccess;
  readonly #config: ApiConfig;

  constructor(access: ClusterAccess, @Inject(API_CONFIG) config: ApiConfig) {
    this.#access = access;
    this.#config = config;
  }

  @Get('agent')
  @Answers(200, AgentStatus, 'Which replicas of a cluster’s agent are connected')
  status(@CurrentPrincipal() principal: LicenseePrincipal, @Param('id') id: string): Promise<AgentStatus> {
    return agentStatus(this.#access, principal, id);
  }

  @Get('agent-manifest')
  @Answers(200, AgentManifest, 'Kubernetes objects that run the agent with the least rights, for kubectl apply -f -')
  manifest(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Param('id') id: string,
    @Query({ schema: AgentManifestQuery }) query: AgentManifestQuery,
  ): Promise<AgentManifest> {
    const { agents } = this.#config;
    return agentManifest({ db: this.#access.db, agents }, principal, id, query);
  }

  @Post('agent-token')
  @Answers(200, AgentToken, 'Another token for the agent, shown this once; the one before stays good for the overlap')
  replaceToken(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Param('id') id: string,
    @Body({ schema: ReplaceAgentToken }) body: ReplaceAgentToken,
  ): Promise<AgentToken> {
    return replaceAgentToken(this.#access, principal, id, body);
  }

  @Delete('agent-token')
  @Answers(204, undefined, 'Revoke the agent’s tokens and cut its tunnels')
  revokeToken(@CurrentPrincipal() principal: LicenseePrincipal, @Param('id') id: string): Promise<void> {
    return revokeAgentToken(this.#access, principal, id);
  }
}
