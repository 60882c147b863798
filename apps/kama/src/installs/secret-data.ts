type Data = Readonly<Record<string, string>>;

/** decoded is the text of a Secret's `data`. */
export const decoded = (data: Data): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString('utf8')]));
