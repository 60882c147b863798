import { type CodeEntry, entry } from './code-entry.js';

/** What can go wrong with what is done on clusters: clusters, runs, the descriptors of a KAMA. */
export const clusterCodes = {
  // Clusters
  kubeconfig_invalid: entry(
    400,
    'Kubeconfig not usable',
    'The kubeconfig cannot be used. See "issues" for each field.',
  ),
  kubeconfig_refused: entry(
    400,
    'Kubeconfig refused',
    'The kubeconfig holds fields that are never used here because they run commands or read files. See "issues".',
  ),
  issuer_unusable: entry(
    502,
    'Issuer cannot be used',
    'The OpenID provider does not answer as it should. The sentence says which document and why.',
  ),
  egress_denied: entry(
    400,
    'Address not allowed',
    'That address is not one that NMachine may dial (private, loopback, link-local or reserved).',
  ),
  cluster_unreachable: entry(
    502,
    'Cluster not reachable',
    'The cluster did not answer. Check its address and that it can be reached from here.',
  ),
  cluster_unauthorized: entry(
    502,
    'Cluster refused the credential',
    'The cluster does not accept the stored credential. Replace it (PUT /v1/clusters/:id/credential).',
  ),
  cluster_forbidden: entry(
    403,
    'Not permitted on the cluster',
    'The credential may not do this on the cluster. See "missing" for the permissions.',
  ),
  kube_api: entry(502, 'Kubernetes refused', 'The Kubernetes API refused the request. See "reason".'),
  kube_wait_timeout: entry(
    504,
    'Did not come about in time',
    'The object did not reach the wanted state in time. See "last" for the state that it was in.',
  ),
  install_not_ready: entry(
    409,
    'Install not ready',
    'The install is not ready on its cluster yet. See its provisioning run.',
  ),
  cluster_access_off: entry(
    403,
    'Cluster access switched off',
    'The licensee has switched off access to the cluster for this install.',
  ),
  cluster_roles_not_accepted: entry(
    409,
    'Cluster-wide roles not accepted',
    'This version asks for rights in the whole cluster. Look at "clusterRoles", and accept them by sending "acceptClusterRoles".',
  ),
  impersonation_refused: entry(
    403,
    'Impersonation refused',
    'The cluster proxy speaks as the install itself and as nobody else. Send no Impersonate-* headers (kubectl: --as, --as-group, --as-uid).',
  ),

  // Runs
  plan_invalid: entry(400, 'Plan not valid', 'The plan is not valid. See "issues" for the path of each fault.'),
  run_finished: entry(409, 'Run has ended', 'The run has ended and cannot be changed.'),
  run_lost: entry(409, 'Run taken over', 'Another worker has taken this run over.', 'us'),
  kama_unreachable: entry(503, 'KAMA unreachable', 'The KAMA of this install cannot be reached just now.'),
  step_failed: entry(502, 'Step failed', 'A step of the run failed. See its error.'),
  run_unfinished: entry(409, 'Run still open', 'The run has not ended yet. Cancel it first, or wait for its end.'),
  kamafile_invalid: entry(
    409,
    'Kamafile not valid',
    'The Kamafile of this install holds something that is not its form. The sentence says where.',
    'publisher',
  ),
  nothing_to_decide: entry(409, 'Nothing to decide', 'This step of the run is not in doubt.'),
  run_step_unknown: entry(
    409,
    'A step is in doubt',
    'Nobody knows whether a step took effect. Look, then say "done" or "repeat" as unknownSteps.',
  ),
  run_not_waiting: entry(409, 'Not waiting', 'This run does not wait for a maintenance window.'),
  nothing_to_approve: entry(409, 'Nothing to approve', 'This step of the run does not wait for an approval.'),
  step_unknown: entry(
    502,
    'Outcome unknown',
    'The step was begun, was cut off, and cannot be done twice. Look whether it took effect, then say so (POST /v1/runs/:id/decision).',
  ),
  approval_declined: entry(409, 'Declined', 'A person declined to let the run go on.'),
  approval_expired: entry(408, 'No approval in time', 'Nobody approved the run in time. Start it again.'),
  run_timeout: entry(504, 'Run timed out', 'The run did not end within its time limit.'),
  run_cancelled: entry(409, 'Run cancelled', 'The run was cancelled.'),

  // Descriptors of a KAMA
  bundle_invalid: entry(
    400,
    'Bundle not valid',
    'The bundle has faults. See "findings" for the file, line and column of each.',
    'publisher',
  ),
  bundle_missing: entry(
    409,
    'Bundle not pushed',
    'No bundle with this digest was pushed to this organisation. Push it first (PUT /v1/orgs/:org/bundles/:digest).',
    'publisher',
  ),
  bundles_full: entry(
    409,
    'Too many bundles',
    'This organisation keeps as many bundles as it may. Those that no version names are taken away after a day.',
    'publisher',
  ),
  descriptor_failed: entry(
    422,
    'Descriptor cannot be evaluated',
    'A descriptor of this app cannot be evaluated. The sentence names it; its publisher has to repair it.',
    'publisher',
  ),
  install_busy: entry(
    429,
    'This install has used its share',
    'What this app works out for this install has taken more processor time than an install may use. Try again after "Retry-After" seconds.',
    'publisher',
  ),
  evaluation_limit: entry(
    422,
    'Too much to evaluate',
    'Evaluating a descriptor of this app took more time, steps, depth or output than is allowed. Its publisher has to make it simpler.',
    'publisher',
  ),
  template_failed: entry(
    422,
    'Expression failed',
    'A jq program or a template of this app failed. Its publisher has to repair it.',
    'publisher',
  ),
  engine_unavailable: entry(
    503,
    'Templating engine not available',
    'The engine that makes the manifests of this app cannot be used right now. Try again; if it stays so, tell the publisher.',
    'publisher',
  ),
  template_limit: entry(
    422,
    'Expression stopped',
    'A jq program or a template of this app was stopped: too long, too large or too many at once.',
    'publisher',
  ),
  action_refused: entry(
    409,
    'Action refused',
    'The action cannot be carried out as things are. The sentence and "progress" say why.',
  ),
} as const satisfies Record<string, CodeEntry>;
