import { Body, Controller, Get, Headers, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Allow, CurrentPrincipal, type LicenseePrincipal } from '@nm/features/access';
import {
  beginAnyway,
  cancelRun,
  decideApproval,
  decideStep,
  exportRuns,
  listChanges,
  listRuns,
  type RunPrincipal,
  readRun,
  retryRun,
  scopeOf,
  startRun,
} from '@nm/features/actions';
import { Answers } from '@nm/features/http';
import {
  CreateRun,
  DecideApproval,
  DecideStep,
  ExportRuns,
  type Page,
  PageQuery,
  pageOf,
  RetryRun,
  Run,
  RunChange,
  RunPreview,
  RunQuery,
  RunSummary,
} from '@nm/kernel/contracts';
import type { FastifyReply } from 'fastify';
import { Downloads, Streams } from './event-stream.decorator.js';
import { RunAccess } from './run-access.js';
import { sendExport } from './send-export.js';

@ApiTags('runs')
@Controller('v1/runs')
@Allow('licensee', 'install')
export class RunsController {
  readonly #access: RunAccess;

  constructor(access: RunAccess) {
    this.#access = access;
  }

  @Post()
  @Answers(201, Run, 'Start a run: a plan of steps on the cluster of an install')
  start(@CurrentPrincipal() principal: RunPrincipal, @Body({ schema: CreateRun }) body: CreateRun): Promise<Run> {
    return startRun(this.#access, principal, body);
  }

  @Post('preview')
  @Answers(200, RunPreview, 'What a run would change, by dry runs on the cluster, and which permissions it lacks')
  preview(
    @CurrentPrincipal() principal: RunPrincipal,
    @Body({ schema: CreateRun }) body: CreateRun,
  ): Promise<RunPreview> {
    return this.#access.preview(principal, body);
  }

  @Get()
  @Answers(200, pageOf(RunSummary, 'RunPage'), 'My runs, by status, action, install, who, time and text')
  list(
    @CurrentPrincipal() principal: RunPrincipal,
    @Query({ schema: RunQuery }) query: RunQuery,
  ): Promise<Page<RunSummary>> {
    return listRuns(this.#access.db, scopeOf(principal), query);
  }

  @Get('export')
  @Downloads('All of my runs that the filter finds, as NDJSON or CSV')
  export(
    @CurrentPrincipal() principal: RunPrincipal,
    @Query({ schema: ExportRuns }) { format, ...filter }: ExportRuns,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return sendExport(reply, format, exportRuns(this.#access.db, scopeOf(principal), filter, format));
  }

  @Get(':id')
  @Answers(200, Run, 'One run: its progress, its steps and its newest log lines')
  read(@CurrentPrincipal() principal: RunPrincipal, @Param('id') id: string): Promise<Run> {
    return readRun(this.#access.db, scopeOf(principal), id);
  }

  @Get(':id/changes')
  @Answers(200, pageOf(RunChange, 'RunChangePage'), 'The objects that a run has changed, from what to what')
  changes(
    @CurrentPrincipal() principal: RunPrincipal,
    @Param('id') id: string,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<RunChange>> {
    return listChanges(this.#access.db, scopeOf(principal), id, query);
  }

  @Get(':id/events')
  @Streams('The story of a run as it happens; resumes after Last-Event-ID and ends after the run’s last event')
  events(
    @CurrentPrincipal() principal: RunPrincipal,
    @Param('id') id: string,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.#access.stream(principal, scopeOf(principal), id, lastEventId, reply);
  }

  @Post(':id/cancel')
  @Answers(202, Run, 'Ask a run to stop; one that has not begun ends at once')
  async cancel(@CurrentPrincipal() principal: RunPrincipal, @Param('id') id: string): Promise<Run> {
    const scope = scopeOf(principal);
    await cancelRun(this.#access.db, scope, id, this.#access.clock);
    return readRun(this.#access.db, scope, id);
  }

  @Post(':id/retry')
  @Answers(201, Run, 'Run again: from the step that failed, or everything with the same inputs')
  retry(
    @CurrentPrincipal() principal: RunPrincipal,
    @Param('id') id: string,
    @Body({ schema: RetryRun }) body: RetryRun,
  ): Promise<Run> {
    return retryRun(
      this.#access,
      scopeOf(principal),
      id,
      body,
      principal.kind === 'licensee' ? whoIs(principal) : undefined,
    );
  }

  @Post(':id/begin')
  @Allow('licensee')
  @Answers(202, Run, 'Let a run that waits for a maintenance window begin now')
  async begin(@CurrentPrincipal() principal: LicenseePrincipal, @Param('id') id: string): Promise<Run> {
    const scope = scopeOf(principal);
    await beginAnyway(this.#access, scope, id);
    return readRun(this.#access.db, scope, id);
  }

  @Post(':id/approval')
  @Allow('licensee')
  @Answers(200, Run, 'Approve or decline a step that waits for a person; the publisher’s code cannot')
  async approve(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Param('id') id: string,
    @Body({ schema: DecideApproval }) body: DecideApproval,
  ): Promise<Run> {
    const scope = scopeOf(principal);
    await decideApproval(this.#access.db, scope, id, body, 'the licensee');
    return readRun(this.#access.db, scope, id);
  }

  @Post(':id/decision')
  @Allow('licensee')
  @Answers(
    200,
    Run,
    'Say what became of a step in doubt: done, failed, or to be done again; the publisher’s code cannot',
  )
  async decide(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Param('id') id: string,
    @Body({ schema: DecideStep }) body: DecideStep,
  ): Promise<Run> {
    const scope = scopeOf(principal);
    await decideStep(this.#access, scope, id, body, whoIs(principal));
    return readRun(this.#access.db, scope, id);
  }
}

/** A licence key has no name on it; a session does. */
const whoIs = ({ licenceId, session }: LicenseePrincipal): string =>
  `the licensee (${session ? `${session.id} of ` : ''}${licenceId})`;
