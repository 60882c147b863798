// A program that opens a helper pod and then only waits: the spec kills it with -9. It runs the built library, as a program of its own.
import { readFileSync } from 'node:fs';
import { EgressPolicy } from '../../../../dist/libs/adapters/egress/index.js';
import { CurlPod, KubeSession, kat } from '../../../../dist/libs/adapters/k8kat/index.js';

const { target, image, deadlineSeconds } = JSON.parse(readFileSync(0, 'utf8'));
const session = new KubeSession(target, { policy: new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] }) });
const curl = await CurlPod.open(kat(session), { target: 'x', image, deadlineSeconds });
console.log(curl.name);
setInterval(() => undefined, 1_000);
