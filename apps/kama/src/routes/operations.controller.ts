import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { newOperationState } from '@nm/kama-sdk';
import { saveOperation } from '../installs/operation-states.js';
import { newOperationToken } from '../server/new-operation-token.js';
import { startPlanned } from '../server/start-planned.js';
import { OpenVisit, type Visit } from '../server/visit.js';
import { filterOf } from './query.js';

/** Operations: what a user can be led through, step by step. */
@Controller('api/operations')
export class OperationsController {
  @Get()
  async list(@OpenVisit() { session }: Visit, @Query() query: Record<string, string | undefined>) {
    return { data: await session.operations(filterOf(query)) };
  }

  @Get(':operation')
  async one(@OpenVisit() { session }: Visit, @Param('operation') operation: string) {
    return { data: await session.operation(operation) };
  }

  @Post(':operation/generate-ost')
  @HttpCode(200)
  async begin(@OpenVisit() { install, session }: Visit, @Param('operation') operation: string) {
    session.model(operation, 'Operation');
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
