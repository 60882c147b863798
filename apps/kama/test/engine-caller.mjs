// A program that renders by a container that never ends, and waits: the spec kills it with -9. It runs the built product, as a program of its own.
import { readFileSync } from 'node:fs';
import { runContainer } from '../../../dist/apps/kama/src/engines/run-container.js';
import { EgressPolicy } from '../../../dist/libs/adapters/egress/index.js';
import { KubeSession } from '../../../dist/libs/adapters/k8kat/index.js';
import { containerEngine } from '../../../dist/libs/adapters/templating/index.js';

const { target, namespace, bounds, ktea } = JSON.parse(readFileSync(0, 'utf8'));
const session = new KubeSession(target, { policy: new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] }) });
const engine = containerEngine(runContainer(session, namespace, bounds));
await engine.template(ktea, { hang: true }, new AbortController().signal);
