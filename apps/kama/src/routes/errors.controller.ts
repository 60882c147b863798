import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import type { RunError } from '@nm/kernel/contracts';
import { hasCode } from '@nm/kernel/fault';
import { capturesOf, firstError } from '../server/jobs.js';
import { newOperationToken } from '../server/new-operation-token.js';
import { jobOf } from '../server/start-planned.js';
import { OpenVisit, type Visit } from '../server/visit.js';

const nameOf = (job: string, diagnosis: string): string => `diagnoses.${job}.${diagnosis}`.slice(0, 120);

/** What an error of a job may mean. An error is named by the job that it ended. */
@Controller('api/errors')
export class ErrorsController {
  @Post(':job/diagnose')
  @HttpCode(200)
  async diagnose(@OpenVisit() visit: Visit, @Param('job') job: string) {
    const error = await errorOf(visit, job);
    if (!error) return { status: 'err-not-found' };
    const diagnoses = await diagnosesOf(visit, error);
    if (!diagnoses) return { status: 'handler-not-found' };
    const id = newOperationToken();
    await visit.install.documents.write(nameOf(job, id), { diagnoses });
    return { status: 'running', job_id: id };
  }

  @Get(':job/diagnoses/:diagnosis')
  async diagnoses(@OpenVisit() { install }: Visit, @Param('job') job: string, @Param('diagnosis') diagnosis: string) {
    return { status: 'ready', ...(await install.documents.read(nameOf(job, diagnosis))).value };
  }
}

async function diagnosesOf({ session }: Visit, error: RunError) {
  for (const capture of capturesOf(error)) {
    const found = await session.upkeep.diagnose(capture);
    if (found) return found;
  }
  return undefined;
}

async function errorOf(visit: Visit, id: string) {
  try {
    const job = await jobOf(visit, id);
    return firstError(job.progress) ?? job.result ?? undefined;
  } catch (error) {
    if (hasCode(error, 'not_found')) return undefined;
    throw error;
  }
}
