import { createHttpApp, openApiOf, serveOpenApi } from '@nm/features/http';
import { bundleBytesMax, bundleMediaType } from '@nm/kernel/contracts';
import { appModule } from './app.module.js';
import type { Platform } from './platform/platform.module.js';

/** A packed bundle is taken as it is: its digest is that of its bytes. */
const rawBodies = [{ type: bundleMediaType, bytesMax: bundleBytesMax }];

const description =
  'Publishers ship apps and issue licences; licensees register clusters and run what their licence allows. ' +
  'Errors are RFC 9457 problem documents with a stable code.';

/** createApi makes the app on a platform, with its documentation; the caller listens and closes. */
export async function createApi(platform: Platform) {
  const app = await createHttpApp(appModule(platform), { logger: platform.logger, rawBodies });
  const document = openApiOf(app, {
    title: 'NMachine control plane',
    description,
    version: '1',
    url: platform.config.publicApiUrl,
  });
  serveOpenApi(app, document);
  return { app, document };
}
