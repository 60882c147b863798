import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TOOL_DIR } from '../paths.ts';

/** The folder of go.mod, go.sum and the two small programs of our own. */
export const GO_DIR = join(TOOL_DIR, 'go');

// 1.36.5 has no entry in the checksum database, and 1.36.6 is not published: 1.36.4 is the newest that `go` can verify.
const KUBERNETES = 'v1.36.4';
const VERSION_PKG = 'k8s.io/component-base/version';
// Without these -X flags /version answers a template and clients that read it fail.
const VERSION_FLAGS = [
  `-X ${VERSION_PKG}.gitVersion=${KUBERNETES}`,
  `-X ${VERSION_PKG}.gitMajor=1`,
  `-X ${VERSION_PKG}.gitMinor=36`,
  `-X ${VERSION_PKG}.gitTreeState=clean`,
  `-X ${VERSION_PKG}.gitCommit=unknown`,
  `-X ${VERSION_PKG}.buildDate=1970-01-01T00:00:00Z`,
  `-X k8s.io/client-go/pkg/version.gitVersion=${KUBERNETES}`,
].join(' ');

/** One program to build: `build` from our go.mod, `install` from its own module at a fixed version. */
export interface Program {
  readonly name: string;
  readonly how: 'build' | 'install';
  readonly pkg: string;
  readonly ldflags: string;
}

const kubernetes = (name: string): Program => ({
  name,
  how: 'build',
  pkg: `k8s.io/kubernetes/cmd/${name}`,
  ldflags: `-s -w ${VERSION_FLAGS}`,
});

/** What every build holds; the first ones are small so that a broken set-up shows at once. */
export const PROGRAMS: readonly Program[] = [
  { name: 'tether', how: 'build', pkg: './tether', ldflags: '-s -w' },
  { name: 'pause', how: 'build', pkg: './pause', ldflags: '-s -w' },
  { name: 'etcd', how: 'build', pkg: 'go.etcd.io/etcd/server/v3', ldflags: `-s -w ${VERSION_FLAGS}` },
  kubernetes('kube-apiserver'),
  kubernetes('kube-controller-manager'),
  kubernetes('kube-scheduler'),
  kubernetes('kubectl'),
  kubernetes('kubelet'),
  kubernetes('kube-proxy'),
  { name: 'kwok', how: 'install', pkg: 'sigs.k8s.io/kwok/cmd/kwok@v0.8.0', ldflags: '-s -w' },
];

/** Built on demand (`build --helm`). */
export const HELM: Program = {
  name: 'helm',
  how: 'install',
  pkg: 'helm.sh/helm/v3/cmd/helm@v3.22.0',
  ldflags: '-s -w',
};

/** kwok does nothing without its stages; they are in the module's own folder. */
export const KWOK_STAGES = {
  module: 'sigs.k8s.io/kwok@v0.8.0/kustomize/stage',
  folders: ['node/fast', 'node/heartbeat-with-lease', 'pod/fast'],
} as const;

/** Environment of every `go` run; other Go settings of the user (proxy, module cache) stay. */
export const GO_ENV = {
  CGO_ENABLED: '0',
  GOFLAGS: '-buildvcs=false',
  GOTOOLCHAIN: 'local',
  GOWORK: 'off',
} as const;

/** Name of the build's folder in the cache: changes with go.mod, go.sum, our Go sources, the flags, the versions and the processor. */
export function buildKey(): string {
  const hash = createHash('sha256');
  for (const file of ['go.sum', 'go.mod', 'tether/main.go', 'pause/main.go'])
    hash.update(readFileSync(join(GO_DIR, file)));
  hash.update(JSON.stringify([PROGRAMS, HELM, KWOK_STAGES, GO_ENV, process.platform, process.arch]));
  return hash.digest('hex').slice(0, 16);
}
