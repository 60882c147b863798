import { type KubeSession, kat, type OneShotResult, runOnce } from '@nm/adapters/k8kat';
import {
  type ContainerRunner,
  containerValuesPath,
  type EngineContainer,
  engineFailed,
  engineLimit,
  engineUnavailable,
} from '@nm/adapters/templating';
import { isFault } from '@nm/kernel/fault';
import { kamafileName } from '@nm/kernel/kamafile';

export interface ContainerBounds {
  readonly deadlineSeconds: number;
  readonly outputBytesMax: number;
  /** Kubernetes quantity. */
  readonly memory: string;
}

const boundsDefault: ContainerBounds = { deadlineSeconds: 60, outputBytesMax: 8 * 1024 * 1024, memory: '256Mi' };
/** Its output is read while it runs, so nobody needs the pod for long. */
const keptSeconds = 10;
const slash = containerValuesPath.lastIndexOf('/');

/**
 * runContainer runs engines as pods of the app's namespace, in the name of the caller: without a token of the cluster, under the pod security level
 * `restricted`, with the Kamafile mounted, and gone afterwards. The version's Role must let the caller make jobs and secrets, and read pods and their logs.
 */
export const runContainer =
  (session: KubeSession, namespace: string, bounds: ContainerBounds = boundsDefault): ContainerRunner =>
  async (container, signal) => {
    const { image, args, values } = container;
    const valuesFile = {
      at: containerValuesPath.slice(0, slash),
      data: { [containerValuesPath.slice(slash + 1)]: values ?? '' },
    };
    const running = runOnce(kat(session, { fieldManager: 'nmachine-kama' }), {
      ...{ name: 'ktea', ns: namespace, image, args, signal, keptSeconds, ...bounds },
      configMap: { name: kamafileName, at: '/kamafile' },
      ...(values === undefined ? {} : { files: valuesFile }),
    });
    const result = await running.catch((error: unknown) => {
      throw faultOf(error, container, signal);
    });
    return checked(result, container, bounds);
  };

/** What stops a container from outside is no matter of its templates. */
function checked(result: OneShotResult, { image }: EngineContainer, bounds: ContainerBounds): OneShotResult {
  const { code, reason, message } = result;
  const why = message === '' ? reason : `${reason}: ${message}`;
  if (reason === 'OutputLimit')
    throw engineLimit(`the container of ${image} wrote more than ${bounds.outputBytesMax} bytes`);
  if (reason === 'OOMKilled') throw engineLimit(`the container of ${image} used more than ${bounds.memory} of memory`);
  if (reason === 'DeadlineExceeded')
    throw engineLimit(`the container of ${image} did not end within ${bounds.deadlineSeconds} s`);
  if (reason === 'StartError' || reason === 'InvalidImageName' || reason.startsWith('CreateContainer'))
    throw engineFailed(`the container of ${image} could not start: ${why}`);
  if (code === -1) throw engineUnavailable(`the container of ${image} could not run to its end: ${why}`);
  return result;
}

function faultOf(error: unknown, { image }: EngineContainer, signal: AbortSignal): unknown {
  if (signal.aborted) return engineLimit('the request was given up, or its time was over');
  if (!isFault(error)) return engineUnavailable(`the container of ${image} was lost`, error);
  if (error.code === 'kube_wait_timeout')
    return engineUnavailable(`the cluster started no pod for ${image}; the events of the namespace say why`, error);
  return error.code === 'kube_api' ? engineFailed(`the container of ${image}: ${error.publicMessage}`, error) : error;
}
