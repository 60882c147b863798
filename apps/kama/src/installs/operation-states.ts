import { OperationState } from '@nm/kama-sdk';
import { hasCode } from '@nm/kernel/fault';

/** A remembered value with the revision that it had when it was read. */
export interface Remembered {
  readonly revision: number;
  readonly value: Readonly<Record<string, unknown>>;
}

/** DocumentStore remembers things of one install between requests, for any process. Two real stores: NMachine's API, a Secret on the cluster. */
export interface DocumentStore {
  /** @throws Fault not_found */
  read(name: string): Promise<Remembered>;
  /** write takes the revision that was read, 0 for something new. @throws Fault conflict when somebody else was faster */
  write(name: string, value: Readonly<Record<string, unknown>>, revision?: number): Promise<void>;
}

const nameOf = (id: string): string => `operation-state.${id}`;
const known = /^[a-z]{10}$/;

/** OpenOperation is how far somebody is in an operation, as it was read. */
export interface OpenOperation {
  readonly state: OperationState;
  readonly revision: number;
}

/** loadOperation gives an operation that was begun; none for a token that is unknown, ill-formed or over. */
export async function loadOperation(store: DocumentStore, id: string | undefined): Promise<OpenOperation | undefined> {
  if (id === undefined || !known.test(id)) return undefined;
  try {
    const { revision, value } = await store.read(nameOf(id));
    return { revision, state: OperationState.parse(value) };
  } catch (error) {
    if (hasCode(error, 'not_found')) return undefined;
    throw error;
  }
}

/** saveOperation keeps an operation. @throws Fault conflict when another request changed it meanwhile */
export const saveOperation = (store: DocumentStore, { state, revision }: OpenOperation): Promise<void> =>
  store.write(nameOf(state.id), state, revision);
