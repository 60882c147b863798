import type { KamafileReader, KamafileSpace } from '../resolve/ports.js';

/** aKamafile is an install that keeps what is given, by space. */
export const aKamafile = (spaces: Readonly<Record<string, Partial<KamafileSpace>>> = {}): KamafileReader => ({
  read: (space) =>
    Promise.resolve(
      spaces[space] && {
        default_vars: {},
        vendor_injection_vars: {},
        user_injection_vars: {},
        user_vars: {},
        prefs: {},
        entries: {},
        ...spaces[space],
      },
    ),
});
