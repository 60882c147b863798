import type { ObjectRef } from '@nm/kernel/contracts';
import { Fault, isFault } from '@nm/kernel/fault';

/** objectName says which object, for people: `Deployment web`. */
export const objectName = ({ kind, name, namespace }: ObjectRef): string =>
  namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;

/** aboutObject adds to a fault which object it was about. */
export function aboutObject(error: unknown, ref: ObjectRef): unknown {
  if (!isFault(error) || error.extra['object'] !== undefined) return error;
  return new Fault(error.code, {
    public: error.publicMessage,
    internal: error.message,
    cause: error,
    extra: { ...error.extra, object: objectName(ref) },
  });
}
