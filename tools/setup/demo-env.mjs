// `npm run -s demo`: the running demo as shell variables, for `eval "$(npm run -s demo)"`.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { home, main, Stop } from './steps.mjs';

await main(async () => {
  const file = join(home, 'demo.json');
  if (!existsSync(file)) throw new Stop(`There is no ${file} yet. Run \`npm start\` in another terminal first.`);
  const demo = JSON.parse(readFileSync(file, 'utf8'));
  const variables = {
    GATEWAY: demo.gatewayUrl,
    API: demo.apiUrl,
    EMAIL: demo.publisher.email,
    PASSWORD: demo.publisher.password,
    ACTIVE: demo.licences.active,
    EXPIRED: demo.licences.expired,
    SUSPENDED: demo.licences.suspended,
    BUNDLE: demo.apps?.['guestbook-bundle']?.licence ?? '',
    ICECREAM: demo.apps?.icecream?.licence ?? '',
    CLUSTER: demo.cluster ?? '',
    INSTALL: demo.install ?? '',
    KUBECONFIG_FILE: demo.kubeconfig ?? '',
  };
  for (const [name, value] of Object.entries(variables))
    console.log(`export ${name}='${value.replaceAll("'", "'\\''")}'`);
});
