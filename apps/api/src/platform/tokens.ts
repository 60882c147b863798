/** Injection tokens of what is no class of its own. */
export const CLOCK = Symbol('Clock');
export const LOGGER = Symbol('Logger');
export const API_CONFIG = Symbol('ApiConfig');
