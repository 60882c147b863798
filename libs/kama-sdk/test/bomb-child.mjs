// Sets hostile bundles off, one after the other, as the API and the host of bundles take them. Runs with a small heap: what needs more dies, and is missed.
import { TemplateWorkers } from '../../../dist/libs/adapters/templating/index.js';
import { loadBundle, openSession, unpackBundle } from '../../../dist/libs/kama-sdk/index.js';

const templates = new TemplateWorkers();
const nothing = { read: () => Promise.resolve(undefined) };

async function setOff({ bytes, files, template, supplier }) {
  try {
    const bundle = loadBundle(bytes ? unpackBundle(bytes) : files);
    if (template !== undefined) await templates.jinja(bundle.asset(template, undefined) ?? '', {});
    if (supplier !== undefined)
      await openSession(bundle, { kamafile: nothing, namespace: 'n', jq: templates }).resolve(supplier);
    return 'accepted';
  } catch (error) {
    return error?.code ? `${error.code}: ${error.publicMessage}` : `crashed: ${String(error)}`;
  }
}

process.on('message', async (bomb) => {
  // An engine that is just starting compiles itself first; nobody's bundle is to blame for that.
  await templates.jq('[.]', 1);
  await templates.jinja('{{ 1 }}', {});
  const [beganMs, began] = [performance.now(), process.cpuUsage()];
  const said = await setOff(bomb);
  const { user, system } = process.cpuUsage(began);
  process.send({ said, cpuMs: (user + system) / 1000, tookMs: performance.now() - beganMs });
});
process.on('disconnect', () => process.exit(0));
process.send('ready');
