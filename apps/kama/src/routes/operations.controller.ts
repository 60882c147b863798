import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { newOperationState, withStatus } from '@nm/kama-sdk';
import { Fault } from '@nm/kernel/fault';
import type { Outcome } from '../contract/bodies.js';
import { loadOperation, saveOperation } from '../installs/operation-states.js';
import { newOperationToken } from '../server/new-operation-token.js';
import { startPlanned } from '../server/start-planned.js';
import { OpenVisit, type Visit } from '../server/visit.js';
import { OperationToken } from './operation-token.js';
import { filterOf } from './query.js';

/** Operations: what a user can be led through, step by step. */
@Controller('api/operations')
export class OperationsController {
  @Get()
  async list(@OpenVisit() { session }: Visit, @Query() query: Record<string, string | undefined>) {
    return { data: await session.operations(filterOf(query)) };
  }

  /** Only that of the token which is sent: a token is what lets its holder go on. */
  @Get('osts')
  async states(@OpenVisit() { install }: Visit, @OperationToken() token: string | undefined) {
    const open = await loadOperation(install.documents, token);
    if (!open) return { data: [] };
    const { id, operation, status, steps } = open.state;
    return { data: [{ id, operation, status, steps: steps.map(({ step, job_id }) => ({ step, job_id })) }] };
  }

  @Post('mark-finished')
  @HttpCode(200)
  async finish(
    @OpenVisit() { install }: Visit,
    @OperationToken() token: string | undefined,
    @Body() { status }: Outcome,
  ) {
    const open = await loadOperation(install.documents, token);
    if (!open) throw new Fault('not_found', { public: 'This operation is over or was never begun.' });
    const state = withStatus(open.state, status ?? 'positive');
    await saveOperation(install.documents, { state, revision: open.revision });
    return { data: { success: 'yeah' } };
  }

  @Get(':operation')
  async one(@OpenVisit() { session }: Visit, @Param('operation') operation: string) {
    return { data: await session.operation(operation) };
  }

  @Post(':operation/generate-ost')
  @HttpCode(200)
  async begin(@OpenVisit() { install, session }: Visit, @Param('operation') operation: string) {
    await session.operation(operation);
    const token = newOperationToken();
    await saveOperation(install.documents, { state: newOperationState(token, operation), revision: 0 });
    return { data: token };
  }

  @Post(':operation/eval-preflight')
  @HttpCode(200)
  async preflight(@OpenVisit() visit: Visit, @Param('operation') operation: string) {
    const planned = await visit.session.preflight(operation);
    return { data: { job_id: planned ? await startPlanned(visit, planned) : null } };
  }
}
