import { Body, Controller, Delete, Get, Param, Post, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Allow, CurrentPrincipal, type LicenseePrincipal, ReadsOnly } from '@nm/features/access';
import {
  checkCluster,
  deleteCluster,
  getCluster,
  listChecks,
  listClusters,
  registerCluster,
  replaceCredential,
  rotateNow,
  setupScript,
} from '@nm/features/clusters';
import { Answers } from '@nm/features/http';
import {
  CheckCluster,
  Cluster,
  ClusterCheck,
  ClusterCheckRecord,
  CreateSetupScript,
  type Page,
  PageQuery,
  pageOf,
  RegisterCluster,
  RegisteredCluster,
  ReplaceCredential,
  SetupScript,
} from '@nm/kernel/contracts';
import { ClusterAccess } from './cluster-access.js';

@ApiTags('clusters')
@Controller('v1/clusters')
@Allow('licensee')
export class ClustersController {
  readonly #access: ClusterAccess;

  constructor(access: ClusterAccess) {
    this.#access = access;
  }

  @Post()
  @Answers(
    201,
    RegisteredCluster,
    'Register a cluster; the answer says field by field what was kept and what was refused',
  )
  register(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Body({ schema: RegisterCluster }) body: RegisterCluster,
  ): Promise<RegisteredCluster> {
    return registerCluster(this.#access, principal, body);
  }

  @Post('setup-script')
  @ReadsOnly()
  @Answers(200, SetupScript, 'A kubectl script that makes a least-privilege ServiceAccount and prints its kubeconfig')
  script(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Body({ schema: CreateSetupScript }) body: CreateSetupScript,
  ): Promise<SetupScript> {
    return setupScript(this.#access, principal, body);
  }

  @Get()
  @Answers(200, pageOf(Cluster, 'ClusterPage'), 'My clusters')
  list(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<Cluster>> {
    return listClusters(this.#access, principal, query);
  }

  @Get(':id')
  @Answers(200, Cluster, 'One cluster')
  read(@CurrentPrincipal() principal: LicenseePrincipal, @Param('id') id: string): Promise<Cluster> {
    return getCluster(this.#access, principal, id);
  }

  @Put(':id/credential')
  @Answers(200, Cluster, 'Replace the credential of a cluster, and its address if one is given; installs stay')
  replaceCredential(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Param('id') id: string,
    @Body({ schema: ReplaceCredential }) body: ReplaceCredential,
  ): Promise<Cluster> {
    return replaceCredential(this.#access, principal, id, body);
  }

  @Delete(':id')
  @Answers(204, undefined, 'Forget a cluster and its credential; refused while it has installs')
  remove(@CurrentPrincipal() principal: LicenseePrincipal, @Param('id') id: string): Promise<void> {
    return deleteCluster(this.#access, principal, id);
  }

  @Get(':id/checks')
  @Answers(200, pageOf(ClusterCheckRecord, 'ClusterCheckPage'), 'What was seen of a cluster, the newest first')
  checks(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Param('id') id: string,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<ClusterCheckRecord>> {
    return listChecks(this.#access, principal, id, query);
  }

  @Post(':id/rotate')
  @Answers(
    200,
    Cluster,
    'Replace the ServiceAccount token of a cluster by a younger one, and end the old one where the cluster can',
  )
  rotate(@CurrentPrincipal() principal: LicenseePrincipal, @Param('id') id: string): Promise<Cluster> {
    return rotateNow(this.#access, principal, id);
  }

  @Post(':id/check')
  @ReadsOnly()
  @Answers(200, ClusterCheck, 'Dial a cluster and ask whether its credential may do what the app needs')
  check(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Param('id') id: string,
    @Body({ schema: CheckCluster }) body: CheckCluster,
  ): Promise<ClusterCheck> {
    return checkCluster(this.#access, principal, id, body);
  }
}
