import { type EngineKind, engineKinds } from '../../engine.js';
import { startProxy } from '../proxy-server.js';

export interface RunningEngine {
  readonly kind: EngineKind;
  readonly port: number;
  close(): Promise<void>;
}

/** The engines that every suite of this folder runs on: all that the port knows. */
export const kinds: readonly EngineKind[] = engineKinds;

export const startEngine = async (kind: EngineKind, origin: () => string): Promise<RunningEngine> => {
  const { port, close } = await startProxy(kind, origin);
  return { kind, port, close };
};
