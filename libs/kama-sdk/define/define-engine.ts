import type { CustomModel, VirtualEngine } from './custom-model.js';

/** defineEngine makes a templating engine out of code; `KteaSpec`s of type `virtual` name it as their `uri`. */
export const defineEngine = (name: string, engine: VirtualEngine): CustomModel => ({ engine: { name, engine } });
