/** Our name in `Via` (RFC 9110 §7.6.3): a request that bears it already has come back. */
export const pseudonym = 'nmachine';
const ownHop = new RegExp(`(?:^|[ ,])${pseudonym}(?:$|[ ,])`);

/** isOwnVia tells whether a `Via` value names us. */
export const isOwnVia = (value: string): boolean => ownHop.test(value);
