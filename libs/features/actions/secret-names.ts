/** What members and variables are called whose values nobody is shown. */
export const secretName = /pass(word|wd|phrase)|secret|token|credential|private_?key|api_?key/i;

export type Tree = Readonly<Record<string, unknown>>;

export const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
