import { Fault } from '@nm/kernel/fault';
import { CronExpressionParser } from 'cron-parser';

/** A rule of when: a cron expression in a time zone. */
export interface CronRule {
  readonly cron: string;
  readonly timeZone: string;
}

const parse = ({ cron, timeZone }: CronRule, at: Date) =>
  CronExpressionParser.parse(cron, { currentDate: at, tz: timeZone });

/** nextTime gives the first time after `at`; undefined when there is none. */
export const nextTime = (rule: CronRule, at: Date): Date | undefined => orNone(() => parse(rule, at).next().toDate());

/** lastTime gives the last time at or before `at`; undefined when there is none. */
export const lastTime = (rule: CronRule, at: Date): Date | undefined =>
  orNone(() =>
    parse(rule, new Date(at.getTime() + 1_000))
      .prev()
      .toDate(),
  );

/**
 * checkCron wants five fields (minute, hour, day of month, month, day of week) and a time zone that this machine knows, and a time that comes.
 * @throws Fault invalid_body
 */
export function checkCron(rule: CronRule, now: Date): void {
  const issue = issueOf(rule, now);
  if (issue) throw new Fault('invalid_body', { extra: { issues: [issue] } });
}

function issueOf(rule: CronRule, now: Date): { readonly path: string; readonly message: string } | undefined {
  try {
    new Intl.DateTimeFormat('en', { timeZone: rule.timeZone });
  } catch {
    return { path: 'timeZone', message: 'not a time zone of the IANA database, like Europe/Berlin' };
  }
  const fields = rule.cron.trim().split(/\s+/);
  if (fields.length !== 5)
    return { path: 'cron', message: 'five fields: minute, hour, day of month, month, day of week' };
  try {
    if (parse(rule, now).next()) return undefined;
  } catch (error) {
    return { path: 'cron', message: (error as Error).message.slice(0, 200) };
  }
  return { path: 'cron', message: 'it never comes' };
}

function orNone<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}
