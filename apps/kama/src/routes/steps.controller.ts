import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { newOperationState, withJob } from '@nm/kama-sdk';
import { Fault, hasCode } from '@nm/kernel/fault';
import type { FieldTyped, StepValues } from '../contract/bodies.js';
import { loadOperation, type OpenOperation, saveOperation } from '../installs/operation-states.js';
import { jobWithRemedies } from '../server/jobs.js';
import { startPlanned } from '../server/start-planned.js';
import { OpenVisit, type Visit } from '../server/visit.js';
import { OperationToken } from './operation-token.js';

const base = ['api/operations/:operation/steps/:step', 'api/operations/:operation/stages/:stage/steps/:step'];

/** Steps of an operation: shown for what was typed, checked, carried out. */
@Controller(base)
export class StepsController {
  @Post('refresh')
  @HttpCode(200)
  async refresh(
    @OpenVisit() { install, session }: Visit,
    @Param('operation') operation: string,
    @Param('step') step: string,
    @OperationToken() token: string | undefined,
    @Body() { values }: StepValues,
  ) {
    const open = await loadOperation(install.documents, token);
    return { data: await session.refreshStep(operation, step, values, open?.state) };
  }

  @Post('preview-chart-assignments')
  @HttpCode(200)
  async preview(
    @OpenVisit() { install, session }: Visit,
    @Param('operation') operation: string,
    @Param('step') step: string,
    @OperationToken() token: string | undefined,
    @Body() { values }: StepValues,
  ) {
    const open = await loadOperation(install.documents, token);
    return { data: (await session.refreshStep(operation, step, values, open?.state)).manifest_assignments };
  }

  @Post('fields/:field/validate')
  @HttpCode(200)
  async validate(
    @OpenVisit() { install, session }: Visit,
    @Param('operation') operation: string,
    @Param('step') step: string,
    @Param('field') field: string,
    @OperationToken() token: string | undefined,
    @Body() { value, values }: FieldTyped,
  ) {
    const open = await loadOperation(install.documents, token);
    return { data: await session.validateField(operation, step, field, value, open?.state, values) };
  }

  @Get('next')
  async next(
    @OpenVisit() { install, session }: Visit,
    @Param('operation') operation: string,
    @Param('step') step: string,
    @OperationToken() token: string | undefined,
  ) {
    const open = await loadOperation(install.documents, token);
    return { step_id: await session.nextStep(operation, step, open?.state) };
  }

  @Post('run')
  @HttpCode(200)
  run(
    @OpenVisit() visit: Visit,
    @Param('operation') operation: string,
    @Param('step') step: string,
    @OperationToken() token: string | undefined,
    @Body() { values }: StepValues,
  ) {
    return runStep(visit, operation, step, token, values);
  }

  @Get('status')
  async status(@OpenVisit() visit: Visit, @Param('step') step: string, @OperationToken() token: string | undefined) {
    const open = await loadOperation(visit.install.documents, token);
    const job = open?.state.steps.find((each) => each.step === step)?.job_id;
    return job ? jobWithRemedies(visit, job) : { status: 'idle', progress: null };
  }
}

/**
 * runStep notes what was given before anything is started: of two requests for one step, the slower one is refused, so the step runs once.
 * The run itself knows its operation by the plan; the note of its id comes last, and losing it loses nothing.
 */
async function runStep(
  visit: Visit,
  operation: string,
  step: string,
  token: string | undefined,
  values: Record<string, unknown>,
): Promise<{ data: { job_id: string | null } }> {
  const { install, session } = visit;
  const open = await loadOperation(install.documents, token);
  if (token !== undefined && !open)
    throw new Fault('not_found', { public: 'This operation is over or was never begun. Begin it again.' });
  const state = open?.state ?? newOperationState('anonymous', operation);
  const submitted = await session.submitStep(operation, step, values, state);
  if (open) await saveOperation(install.documents, { state: submitted.state, revision: open.revision });
  if (!submitted.planned) return { data: { job_id: null } };
  const job = await startPlanned(visit, submitted.planned);
  if (open) await noteJob(visit, { state: withJob(submitted.state, step, job), revision: open.revision + 1 });
  return { data: { job_id: job } };
}

async function noteJob({ install }: Visit, operation: OpenOperation): Promise<void> {
  try {
    await saveOperation(install.documents, operation);
  } catch (error) {
    if (!hasCode(error, 'conflict')) throw error;
  }
}
