export type Data = Readonly<Record<string, string>>;

const each = (data: Data, change: (text: string) => string): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([key, text]) => [key, change(text)]));

/** decoded is the text of a Secret's `data`. */
export const decoded = (data: Data): Record<string, string> =>
  each(data, (text) => Buffer.from(text, 'base64').toString('utf8'));

/** encoded is `data` of a Secret for texts. */
export const encoded = (data: Data): Record<string, string> =>
  each(data, (text) => Buffer.from(text).toString('base64'));
