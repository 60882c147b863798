export { CompileThread } from './compile-thread.js';
export type { Verdict } from './compile-worker.js';
