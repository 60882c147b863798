import { Body, Controller, Param, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Allow, CurrentPrincipal, type LicenseePrincipal } from '@nm/features/access';
import { pauseCluster } from '@nm/features/actions';
import { Answers } from '@nm/features/http';
import { PauseRuns } from '@nm/kernel/contracts';
import { RunAccess } from './run-access.js';

/** The owner of a cluster decides whether runs may begin on it. */
@ApiTags('clusters')
@Controller('v1/clusters/:id/runs')
@Allow('licensee')
export class ClusterRunsController {
  readonly #access: RunAccess;

  constructor(access: RunAccess) {
    this.#access = access;
  }

  @Put()
  @Answers(200, PauseRuns, 'Let no run begin on this cluster, or let them begin again; what has begun goes on')
  async pause(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Param('id') id: string,
    @Body({ schema: PauseRuns }) body: PauseRuns,
  ): Promise<PauseRuns> {
    await pauseCluster(this.#access, principal, id, body.paused);
    return body;
  }
}
