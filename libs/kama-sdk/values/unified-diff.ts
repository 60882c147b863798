/** Lines of either text beyond which nothing is compared line by line: both stand whole. */
const linesMax = 4_000;
/** Cells of the table of common lines. */
const cellsMax = 4_000_000;
const context = 3;

type Edit = readonly [' ' | '-' | '+', string];

/** unifiedDiff tells two texts apart, as `diff -u` prints it; empty when they are equal. */
export function unifiedDiff(before: string, after: string, names: readonly [string, string]): string {
  if (before === after) return '';
  const [old, now] = [linesOf(before), linesOf(after)];
  const hunks = hunksOf(editsOf(old, now));
  return [`--- ${names[0]}`, `+++ ${names[1]}`, ...hunks, ''].join('\n');
}

const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));

function editsOf(old: readonly string[], now: readonly string[]): Edit[] {
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start++;
  let end = 0;
  while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end++;
  const kept = (line: string): Edit => [' ', line];
  return [
    ...old.slice(0, start).map(kept),
    ...middle(old.slice(start, old.length - end), now.slice(start, now.length - end)),
    ...(end === 0 ? [] : old.slice(-end).map(kept)),
  ];
}

/** The longest common lines, by the table of lengths. */
function middle(old: readonly string[], now: readonly string[]): Edit[] {
  const replaced: Edit[] = [...old.map((line): Edit => ['-', line]), ...now.map((line): Edit => ['+', line])];
  if (Math.max(old.length, now.length) > linesMax || old.length * now.length > cellsMax) return replaced;
  const width = now.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  const at = (row: number, column: number): number => common[row * width + column] ?? 0;
  for (let row = old.length - 1; row >= 0; row--)
    for (let column = now.length - 1; column >= 0; column--)
      common[row * width + column] =
        old[row] === now[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
  const edits: Edit[] = [];
  let [row, column] = [0, 0];
  while (row < old.length || column < now.length) {
    if (row < old.length && column < now.length && old[row] === now[column]) {
      edits.push([' ', old[row] ?? '']);
      row++;
      column++;
    } else if (row < old.length && (column >= now.length || at(row + 1, column) >= at(row, column + 1)))
      edits.push(['-', old[row++] ?? '']);
    else edits.push(['+', now[column++] ?? '']);
  }
  return edits;
}

function hunksOf(edits: readonly Edit[]): string[] {
  const changed = edits.flatMap(([mark], index) => (mark === ' ' ? [] : [index]));
  const lines: string[] = [];
  for (let first = 0; first < changed.length; ) {
    let last = first;
    while (last + 1 < changed.length && (changed[last + 1] ?? 0) - (changed[last] ?? 0) <= 2 * context) last++;
    const from = Math.max(0, (changed[first] ?? 0) - context);
    const to = Math.min(edits.length, (changed[last] ?? 0) + context + 1);
    const hunk = edits.slice(from, to);
    const before = edits.slice(0, from);
    lines.push(`@@ -${range(before, hunk, '+')} +${range(before, hunk, '-')} @@`);
    lines.push(...hunk.map(([mark, line]) => mark + line));
    first = last + 1;
  }
  return lines;
}

const range = (before: readonly Edit[], hunk: readonly Edit[], other: '-' | '+'): string => {
  const count = hunk.filter(([mark]) => mark !== other).length;
  const start = before.filter(([mark]) => mark !== other).length;
  return `${count === 0 ? start : start + 1}${count === 1 ? '' : `,${count}`}`;
};
