import { Controller, Get, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Allow, CurrentOrg, CurrentPrincipal, Needs, type OrgAccess, type Principal } from '@nm/features/access';
import { exportRuns, listRuns, readRun } from '@nm/features/actions';
import { Answers } from '@nm/features/http';
import { ExportRuns, type Page, pageOf, Run, RunQuery, RunSummary } from '@nm/kernel/contracts';
import type { FastifyReply } from 'fastify';
import { Downloads, Streams } from './event-stream.decorator.js';
import { RunAccess } from './run-access.js';
import { sendExport } from './send-export.js';

/** A publisher looks at the runs of its customers' installs, to help; it starts and cancels none. */
@ApiTags('runs')
@Controller('v1/orgs/:org/runs')
@Allow('publisher')
export class OrgRunsController {
  readonly #access: RunAccess;

  constructor(access: RunAccess) {
    this.#access = access;
  }

  @Get()
  @Needs('runs.read')
  @Answers(200, pageOf(RunSummary, 'RunPage'), 'Runs on the installs of the organisation’s apps')
  list(@CurrentOrg() org: OrgAccess, @Query({ schema: RunQuery }) query: RunQuery): Promise<Page<RunSummary>> {
    return listRuns(this.#access.db, { orgId: org.id }, query);
  }

  @Get('export')
  @Needs('runs.read')
  @Downloads('All runs of customers that the filter finds, as NDJSON or CSV')
  export(
    @CurrentOrg() org: OrgAccess,
    @Query({ schema: ExportRuns }) { format, ...filter }: ExportRuns,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return sendExport(reply, format, exportRuns(this.#access.db, { orgId: org.id }, filter, format));
  }

  @Get(':id')
  @Needs('runs.read')
  @Answers(200, Run, 'One run of a customer')
  read(@CurrentOrg() org: OrgAccess, @Param('id') id: string): Promise<Run> {
    return readRun(this.#access.db, { orgId: org.id }, id);
  }

  @Get(':id/events')
  @Needs('runs.read')
  @Streams('The story of a customer’s run as it happens')
  events(
    @CurrentOrg() org: OrgAccess,
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.#access.stream(principal, { orgId: org.id }, id, lastEventId, reply);
  }
}
