import type { ProgressNode } from '@nm/kernel/contracts';

/** A foreign tree is copied, not trusted: so deep, so many nodes, so much text. */
const depthMax = 6;
const nodesMax = 200;
const linesMax = 30;
const charsMax = 500;

const statuses = ['idle', 'running', 'positive', 'negative'] as const;

type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, charsMax) : undefined;
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** copyProgress makes a progress tree of what a KAMA sent: of either generation, bounded; undefined when it sent none. */
export function copyProgress(sent: unknown): ProgressNode | undefined {
  let left = nodesMax;
  const copy = (value: unknown, depth: number): ProgressNode | undefined => {
    if (!isTree(value) || depth > depthMax || left-- <= 0) return undefined;
    const { id, title, info, status, sub_items, logs } = value;
    return {
      id: textOf(id) ?? '',
      title: textOf(title) ?? textOf(id) ?? '',
      info: textOf(info) ?? null,
      status: statuses.find((one) => one === status) ?? 'idle',
      sub_items: listOf(sub_items).flatMap((item) => copy(item, depth + 1) ?? []),
      logs: listOf(logs)
        .slice(-linesMax)
        .flatMap((line) => textOf(line) ?? []),
      error: errorOf(value['error']),
    };
  };
  return isTree(sent) && Object.keys(sent).length > 0 ? copy(sent, 0) : undefined;
}

function errorOf(error: unknown): ProgressNode['error'] {
  if (!isTree(error)) return null;
  const { reason, type, tone, fatal } = error;
  const kind = textOf(type) ?? textOf(tone);
  return {
    code: 'step_failed',
    reason: textOf(reason) ?? 'nothing is said',
    fatal: fatal !== false,
    ...(kind ? { type: kind } : {}),
  };
}

/** problemOf finds the innermost error that a tree tells of. */
export function problemOf(sent: unknown): { readonly reason: string; readonly type?: string | undefined } | undefined {
  const find = (node: ProgressNode): ProgressNode['error'] => {
    for (const item of node.sub_items) {
      const found = find(item);
      if (found) return found;
    }
    return node.error;
  };
  const tree = copyProgress(sent);
  const error = tree && find(tree);
  return error ? { reason: error.reason, type: error.type } : undefined;
}

/** statusLines says which parts of a tree have moved on since it was last seen. */
export function statusLines(before: unknown, now: ProgressNode | undefined): string[] {
  const known = new Map(flat(copyProgress(before)));
  return flat(now).flatMap(([path, status]) =>
    status !== 'idle' && known.get(path) !== status ? [`${path}: ${status}`] : [],
  );
}

function flat(node: ProgressNode | undefined, around = ''): [string, string][] {
  if (!node) return [];
  const path = around === '' ? node.title : `${around} › ${node.title}`;
  return [[path, node.status], ...node.sub_items.flatMap((item) => flat(item, path))];
}
