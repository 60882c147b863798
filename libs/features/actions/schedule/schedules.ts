import type { Tx } from '@nm/adapters/db';
import {
  afterCursor,
  type ChangeSchedule,
  type CreateSchedule,
  keyset,
  type Page,
  type PageQuery,
  RunPlan,
  Schedule,
  toPage,
} from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { checkPlan } from '../plan/check-plan.js';
import { storedPlan } from '../plan/sealed-plan.js';
import { priorityOf, rankOf } from '../run-priority.js';
import { chooseInstall, type RunPrincipal, type StartRunDeps, scopeOf, starterOf } from '../start-run.js';
import { checkCron, nextTime } from './cron-times.js';

type ScheduleRow = NonNullable<Awaited<ReturnType<Tx['runSchedule']['findUnique']>>>;

/** createSchedule @throws Fault plan_invalid, invalid_body, not_found, install_required, install_ambiguous */
export function createSchedule(deps: StartRunDeps, principal: RunPrincipal, body: CreateSchedule): Promise<Schedule> {
  const { clock, db } = deps;
  const { cron, timeZone, missed, paused, title, action, timeoutSeconds } = body;
  const now = clock.now();
  checkCron({ cron, timeZone }, now);
  const plan = checkPlan(body.plan);
  const id = newId('schedule', clock.nowMs());
  return db.withOrg(principal.orgId, async (tx) => {
    const install = await chooseInstall(tx, principal, body.installId);
    const stored = await storedPlan(deps.vault, plan, ['run_schedule', principal.orgId, id]);
    const row = await tx.runSchedule.create({
      data: {
        id,
        ...{ orgId: principal.orgId, installId: install.id, licenceId: install.licenceId },
        ...{ title, action, timeoutSeconds, cron, timeZone, missed, plan: stored.plan as object },
        sealedPlan: stored.sealedPlan,
        priority: rankOf(body.priority),
        pausedAt: paused ? now : null,
        nextAt: paused ? null : (nextTime({ cron, timeZone }, now) ?? null),
        createdBy: starterOf(principal),
        createdAt: now,
      },
    });
    return scheduleView(row);
  });
}

/** listSchedules pages through the schedules of the principal's installs, oldest first. */
export function listSchedules(
  { db }: StartRunDeps,
  principal: RunPrincipal,
  query: PageQuery,
): Promise<Page<Schedule>> {
  return db.withOrg(principal.orgId, async (tx) => {
    const where = { AND: [ownOf(principal), afterCursor(query)] };
    return toPage(await tx.runSchedule.findMany({ where, ...keyset(query) }), query, scheduleView);
  });
}

/** readSchedule @throws Fault not_found */
export const readSchedule = ({ db }: StartRunDeps, principal: RunPrincipal, id: string): Promise<Schedule> =>
  db.withOrg(principal.orgId, async (tx) => scheduleView(await find(tx, principal, id)));

/** changeSchedule pauses, resumes, renames or moves a schedule. What has come while it was paused is not made up for. @throws Fault not_found, invalid_body */
export function changeSchedule(
  { db, clock }: StartRunDeps,
  principal: RunPrincipal,
  id: string,
  change: ChangeSchedule,
): Promise<Schedule> {
  const now = clock.now();
  return db.withOrg(principal.orgId, async (tx) => {
    const found = await find(tx, principal, id);
    const rule = { cron: change.cron ?? found.cron, timeZone: change.timeZone ?? found.timeZone };
    checkCron(rule, now);
    const paused = change.paused ?? found.pausedAt !== null;
    const row = await tx.runSchedule.update({
      where: { id },
      data: {
        ...rule,
        ...(change.title === undefined ? {} : { title: change.title }),
        ...(change.missed === undefined ? {} : { missed: change.missed }),
        pausedAt: paused ? (found.pausedAt ?? now) : null,
        nextAt: paused ? null : (nextTime(rule, now) ?? null),
      },
    });
    return scheduleView(row);
  });
}

/** removeSchedule @throws Fault not_found */
export async function removeSchedule({ db }: StartRunDeps, principal: RunPrincipal, id: string): Promise<void> {
  await db.withOrg(principal.orgId, async (tx) => {
    const { count } = await tx.runSchedule.deleteMany({ where: { AND: [ownOf(principal), { id }] } });
    if (count === 0) throw new Fault('not_found');
  });
}

const ownOf = (principal: RunPrincipal) => {
  const { orgId, licenceId, installId } = scopeOf(principal);
  return { orgId, ...(licenceId === undefined ? {} : { install: { licenceId } }), ...(installId ? { installId } : {}) };
};

async function find(tx: Tx, principal: RunPrincipal, id: string): Promise<ScheduleRow> {
  const row = await tx.runSchedule.findFirst({ where: { AND: [ownOf(principal), { id }] } });
  if (!row) throw new Fault('not_found');
  return row;
}

const scheduleView = (row: ScheduleRow): Schedule =>
  Schedule.parse({
    ...{ id: row.id, installId: row.installId, title: row.title, action: row.action, plan: RunPlan.parse(row.plan) },
    ...{ timeoutSeconds: row.timeoutSeconds, priority: priorityOf(row.priority), cron: row.cron, missed: row.missed },
    ...{ timeZone: row.timeZone, paused: row.pausedAt !== null, createdBy: row.createdBy },
    createdAt: row.createdAt.toISOString(),
    ...(row.nextAt ? { nextAt: row.nextAt.toISOString() } : {}),
    ...(row.lastAt && row.lastOutcome
      ? {
          last: {
            ...{ at: row.lastAt.toISOString(), outcome: row.lastOutcome },
            ...(row.lastRunId === null ? {} : { runId: row.lastRunId }),
          },
        }
      : {}),
  });
