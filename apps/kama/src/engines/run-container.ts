import { type KubeSession, kat, runOnce } from '@nm/adapters/k8kat';
import { type ContainerRunner, containerValuesPath } from '@nm/adapters/templating';
import { kamafileName } from '@nm/kernel/kamafile';

const deadlineSeconds = 60;
const memory = '256Mi';
const slash = containerValuesPath.lastIndexOf('/');

/**
 * runContainer runs engines as pods of the app's namespace, in the name of the caller: without a token of the cluster, under the pod security level
 * `restricted`, with the Kamafile mounted, and gone afterwards. The version's Role must let the caller make jobs and secrets, and read pods and their logs.
 */
export const runContainer =
  (session: KubeSession, namespace: string): ContainerRunner =>
  async ({ image, args, values }, signal) =>
    runOnce(kat(session, { fieldManager: 'nmachine-kama' }), {
      name: 'ktea',
      ns: namespace,
      ...{ image, args, signal, memory, deadlineSeconds },
      configMap: { name: kamafileName, at: '/kamafile' },
      ...(values === undefined
        ? {}
        : {
            files: {
              at: containerValuesPath.slice(0, slash),
              data: { [containerValuesPath.slice(slash + 1)]: values },
            },
          }),
    });
