/** Impersonation asks the API server to take us for somebody else; the credential needs the right to (verb `impersonate`). */
export interface Impersonation {
  readonly user: string;
  readonly groups?: readonly string[];
  readonly uid?: string;
  /** Further facts of the user, such as scopes. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** impersonationHeaders writes it as the API server reads it; a header with several values is sent several times. */
export function impersonationHeaders(who: Impersonation | undefined): Record<string, string | string[]> {
  if (!who) return {};
  const extra = Object.entries(who.extra ?? {}).map(([key, values]): [string, string[]] => [
    `impersonate-extra-${encodeURIComponent(key.toLowerCase())}`,
    [...values],
  ]);
  return {
    'impersonate-user': who.user,
    ...(who.groups?.length ? { 'impersonate-group': [...who.groups] } : {}),
    ...(who.uid ? { 'impersonate-uid': who.uid } : {}),
    ...Object.fromEntries(extra),
  };
}
