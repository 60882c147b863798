import { Body, Controller, Get, Headers, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Allow, CurrentPrincipal } from '@nm/features/access';
import { cancelRun, listRuns, type RunPrincipal, readRun, scopeOf, startRun } from '@nm/features/actions';
import { Answers } from '@nm/features/http';
import { CreateRun, type Page, pageOf, Run, RunQuery, RunSummary } from '@nm/kernel/contracts';
import type { FastifyReply } from 'fastify';
import { Streams } from './event-stream.decorator.js';
import { RunAccess } from './run-access.js';

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

  @Get()
  @Answers(200, pageOf(RunSummary, 'RunPage'), 'My runs, oldest first')
  list(
    @CurrentPrincipal() principal: RunPrincipal,
    @Query({ schema: RunQuery }) query: RunQuery,
  ): Promise<Page<RunSummary>> {
    return listRuns(this.#access.db, scopeOf(principal), query);
  }

  @Get(':id')
  @Answers(200, Run, 'One run: its progress, its steps and its newest log lines')
  read(@CurrentPrincipal() principal: RunPrincipal, @Param('id') id: string): Promise<Run> {
    return readRun(this.#access.db, scopeOf(principal), id);
  }

  @Get(':id/events')
  @Streams('The story of a run as it happens; resumes after Last-Event-ID and ends after the run’s last event')
  events(
    @CurrentPrincipal() principal: RunPrincipal,
    @Param('id') id: string,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.#access.stream(scopeOf(principal), id, lastEventId, reply);
  }

  @Post(':id/cancel')
  @Answers(202, Run, 'Ask a run to stop; one that has not begun ends at once')
  async cancel(@CurrentPrincipal() principal: RunPrincipal, @Param('id') id: string): Promise<Run> {
    const scope = scopeOf(principal);
    await cancelRun(this.#access.db, scope, id, this.#access.clock);
    return readRun(this.#access.db, scope, id);
  }
}
