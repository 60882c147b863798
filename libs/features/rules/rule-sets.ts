import { type Db, recordChange, type Tx } from '@nm/adapters/db';
import { requireApp } from '@nm/features/apps';
import {
  AccessRule,
  type Page,
  type PageQuery,
  type RollBackRules,
  type RuleSet,
  type RuleSetChange,
  type RulesInForce,
  type SaveRules,
} from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { compileRules, rulesAfter, rulesBefore } from '@nm/kernel/licensing';
import type { Clock } from '@nm/kernel/time';
import { z } from 'zod';
import { diffRules } from './diff-rules.js';

const Rules = z.array(AccessRule);

/** Who changes the rules of an app of which organisation. */
export interface RuleAuthor {
  readonly orgId: string;
  readonly actorId: string;
}

interface RuleSetRow {
  readonly version: number;
  readonly rules: unknown;
  readonly author: string;
  readonly comment: string | null;
  readonly copyOf: number | null;
  readonly createdAt: Date;
}

const none: RuleSet = { version: 0, rules: [] };

const view = (row: RuleSetRow): RuleSet => ({
  version: row.version,
  rules: Rules.parse(row.rules),
  author: row.author,
  ...(row.comment === null ? {} : { comment: row.comment }),
  ...(row.copyOf === null ? {} : { copyOf: row.copyOf }),
  createdAt: row.createdAt.toISOString(),
});

const between = (set: RuleSet): RulesInForce => ({ ...set, before: [...rulesBefore], after: [...rulesAfter] });

/** newestRules reads the rules in force; version 0 while there are none. */
export async function newestRules(tx: Tx, appId: string): Promise<RuleSet> {
  const row = await tx.accessRuleSet.findFirst({ where: { appId }, orderBy: { version: 'desc' } });
  return row ? view(row) : none;
}

/** readRules shows the rules in force between the built-in ones. @throws Fault not_found */
export const readRules = (db: Db, orgId: string, app: string): Promise<RulesInForce> =>
  db.withOrg(orgId, async (tx) => between(await newestRules(tx, (await requireApp(tx, orgId, app)).id)));

/** readRuleSet shows an earlier version. @throws Fault not_found */
export const readRuleSet = (db: Db, orgId: string, app: string, version: number): Promise<RuleSet> =>
  db.withOrg(orgId, async (tx) => view(await requireVersion(tx, (await requireApp(tx, orgId, app)).id, version)));

async function requireVersion(tx: Tx, appId: string, version: number): Promise<RuleSetRow> {
  const row = await tx.accessRuleSet.findUnique({ where: { appId_version: { appId, version } } });
  if (!row) throw new Fault('not_found');
  return row;
}

type Deps = { readonly db: Db; readonly clock: Clock };

/**
 * saveRules puts rules into force, on every gateway at once, as a new version.
 * @throws Fault not_found; rules_invalid with each fault's rule, line and column; conflict when another version is in force than the caller knows
 */
export async function saveRules(
  { db, clock }: Deps,
  by: RuleAuthor,
  app: string,
  body: SaveRules,
): Promise<RulesInForce> {
  compileRules(body.rules);
  return db.withOrg(by.orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, by.orgId, app);
    return write(tx, clock, by, appId, { ...body, copyOf: null });
  });
}

/** rollBackRules puts the rules of an earlier version into force again, as a new version. @throws Fault not_found, conflict, rules_invalid */
export async function rollBackRules(
  { db, clock }: Deps,
  by: RuleAuthor,
  app: string,
  { toVersion, ...body }: RollBackRules,
): Promise<RulesInForce> {
  return db.withOrg(by.orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, by.orgId, app);
    const { rules } = view(await requireVersion(tx, appId, toVersion));
    compileRules(rules);
    return write(tx, clock, by, appId, { ...body, rules, copyOf: toVersion });
  });
}

async function write(
  tx: Tx,
  clock: Clock,
  { orgId, actorId }: RuleAuthor,
  appId: string,
  { rules, ifVersion, comment, copyOf }: SaveRules & { readonly copyOf: number | null },
): Promise<RulesInForce> {
  // Writers take turns, so that each sees the version before its own.
  await tx.$queryRaw`SELECT id FROM app WHERE id = ${appId} FOR UPDATE`;
  const { version } = await newestRules(tx, appId);
  if (version !== ifVersion)
    throw new Fault('conflict', {
      public: `Version ${version} of the rules is in force, not ${ifVersion}. Look at what it changed, and save again.`,
      extra: { version },
    });
  const row = await tx.accessRuleSet.create({
    data: {
      ...{ id: newId('ruleSet'), orgId, appId, version: version + 1, rules, author: actorId, copyOf },
      comment: comment ?? null,
      createdAt: clock.now(),
    },
  });
  await recordChange(tx, { kind: 'rules', id: appId, orgId });
  return between(view(row));
}

/** listRuleSets tells what each version changed, newest first. The cursor is a version. @throws Fault not_found, invalid_query */
export async function listRuleSets(db: Db, orgId: string, app: string, query: PageQuery): Promise<Page<RuleSetChange>> {
  const below = query.cursor === undefined ? undefined : Number(query.cursor);
  if (below !== undefined && !Number.isSafeInteger(below))
    throw new Fault('invalid_query', { extra: { issues: [{ path: 'cursor', message: 'not a cursor of this list' }] } });
  const rows = await db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    const where = below === undefined ? { appId } : { appId, version: { lt: below } };
    // One more than asked: the oldest of the page is compared with it.
    return tx.accessRuleSet.findMany({ where, orderBy: { version: 'desc' }, take: query.limit + 1 });
  });
  const sets = rows.map(view);
  const data = sets.slice(0, query.limit).map(({ rules, ...set }, index) => ({
    ...set,
    diff: diffRules(sets[index + 1]?.rules ?? [], rules),
  }));
  const last = data.at(-1);
  return { data, ...(sets.length > query.limit && last ? { nextCursor: String(last.version) } : {}) };
}
