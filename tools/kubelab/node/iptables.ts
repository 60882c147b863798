import { attempt, run } from './run.ts';

/** A rule set: the IPv4 and the IPv6 tables have commands of their own. */
export const FAMILIES = ['iptables', 'ip6tables'] as const;
type Family = (typeof FAMILIES)[number];

/** Names of user chains as `table:chain`, per family. */
export type Chains = Readonly<Record<Family, readonly string[]>>;

/** The chains that exist now. A machine without IPv6 tables has none there. */
export async function currentChains(): Promise<Chains> {
  const lists = await Promise.all(
    FAMILIES.map(async (family) => parse((await attempt(`${family}-save`, [])).stdout).map(({ key }) => key)),
  );
  return { iptables: lists[0] ?? [], ip6tables: lists[1] ?? [] };
}

/**
 * Removes the chains of kubelet, kube-proxy and our CNI network that were not there before, and the rules that jump to them. Other chains stay as
 * they are: also those of another CNI network that appeared meanwhile.
 */
export async function removeNewChains(before: Chains): Promise<void> {
  for (const family of FAMILIES) {
    const script = removalScript((await attempt(`${family}-save`, [])).stdout, new Set(before[family]));
    // One transaction per table, in the syntax of iptables-save: no quoting by a shell.
    if (script) await run(`${family}-restore`, ['--noflush', '-w'], script);
  }
}

/** The input of `iptables-restore --noflush` that does it; empty when there is nothing to remove. */
export function removalScript(saved: string, before: ReadonlySet<string>): string {
  const chains = parse(saved);
  const ours = new Set(chains.filter(({ key, name }) => !before.has(key) && isOurs(name, saved)).map(({ key }) => key));
  const parts: string[] = [];
  for (const { table, rules } of tables(saved)) {
    const names = [...ours].filter((key) => key.startsWith(`${table}:`)).map((key) => key.slice(table.length + 1));
    if (names.length === 0) continue;
    const jumps = rules.filter((rule) => {
      const [, chain] = rule.split(' ');
      const target = / -[jg] (\S+)/.exec(rule)?.[1];
      return target !== undefined && names.includes(target) && !names.includes(chain ?? '');
    });
    parts.push(`*${table}`, ...jumps.map((rule) => rule.replace(/^-A/, '-D')));
    parts.push(...names.map((name) => `-F ${name}`), ...names.map((name) => `-X ${name}`), 'COMMIT');
  }
  return parts.length > 0 ? `${parts.join('\n')}\n` : '';
}

function isOurs(chain: string, saved: string): boolean {
  if (chain.startsWith('KUBE-') || chain.startsWith('CNI-HOSTPORT-')) return true;
  // The bridge plugin names its chains by a hash and says the network's name in the comment of the rule that jumps there.
  if (!chain.startsWith('CNI-')) return false;
  return saved
    .split('\n')
    .some(
      (line) => line.includes('name: \\"kubelab\\"') && (line.endsWith(` -j ${chain}`) || line.includes(` ${chain} `)),
    );
}

function tables(saved: string): { table: string; lines: string[]; rules: string[] }[] {
  const found: { table: string; lines: string[]; rules: string[] }[] = [];
  for (const line of saved.split('\n')) {
    if (line.startsWith('*')) found.push({ table: line.slice(1).trim(), lines: [], rules: [] });
    else if (line.startsWith(':')) found.at(-1)?.lines.push(line);
    else if (line.startsWith('-A ')) found.at(-1)?.rules.push(line);
  }
  return found;
}

/** User chains (their policy is `-`). */
function parse(saved: string): { key: string; name: string }[] {
  return tables(saved).flatMap(({ table, lines }) =>
    lines.flatMap((line) => {
      const [name, policy] = line.slice(1).split(' ');
      return name && policy === '-' ? [{ key: `${table}:${name}`, name }] : [];
    }),
  );
}
