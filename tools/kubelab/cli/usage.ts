/** Answer to `kubelab help`. */
export const USAGE = `usage: npm run kubelab -- <command> [options]

  build [--helm] [--nice]            builds Kubernetes from Go modules into the cache (first time 6.5 min, then seconds)
  up [--name N] [--node] [--json]    starts a cluster (default name: default) or prints the running one
     [--attach]                      stays in the foreground; the cluster ends with this command
     [--owner-pid PID]               the cluster ends when that process ends
     [--ephemeral]                   its data goes when it ends
     [--audit]                       the API server logs writes of ConfigMaps and Jobs in log/audit.log
     [--nice]                        builds with low priority if a build is needed
  down [--name N | --all] [--wipe]   stops it; --wipe removes its data as well
  status [--name N] [--json]         what runs; exit code 3 if it does not
  list [--json]                      all clusters
  kubeconfig [--name N] [--raw]      path of its kubeconfig; --raw: the content
  exec [--name N] -- COMMAND...      runs COMMAND with KUBECONFIG and PATH set, for example: exec -- kubectl get pods -A
  image import [--name N] TAR        gives an image to the real node (--node)
  image build [--name N] [--out TAR] REF ROOTFS [CONFIG_JSON]
                                     makes an image of a folder; without --out it goes to the real node

--node: a real kubelet on containerd (root; changes the machine and undoes it). Default: two fake nodes (kwok).
NM_TEST_KUBECONFIG: kubeconfig and exec use that cluster instead.
`;
