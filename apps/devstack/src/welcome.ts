import pc from 'picocolors';
import type { RuntimeChoice } from './runtime-choice.js';
import type { Demo } from './seed-demo.js';

/** welcome is what a person sees when everything answers: addresses, login, keys, and the next commands ready to paste. */
export function welcome(demo: Demo, runtime: RuntimeChoice, home: string): string {
  const { gatewayUrl, apiUrl, opsUrl, publisher, licences } = demo;
  const kama = `${gatewayUrl}/kama/${publisher.org}/${demo.app}`;
  const auth = (key: string) => `-H "Authorization: Bearer ${key}"`;
  const json = `-H 'Content-Type: application/json'`;
  const orgUrl = `${apiUrl}/v1/orgs/${publisher.org}`;
  const h = (text: string) => pc.bold(text);
  return `
${pc.green('NMachine is up.')} KAMAs run as ${runtime.driver === 'docker' ? 'containers' : 'processes'}: ${runtime.reason}.

${h('Addresses')}
  gateway    ${gatewayUrl}
  API        ${apiUrl}      ${pc.dim('(try it in a browser: ')}${apiUrl}/docs${pc.dim(')')}
  health     ${opsUrl}/readyz
  state      ${home}      ${pc.dim('(all of this, for scripts: demo.json there)')}

${h('Publisher')}   ${publisher.email}   ${publisher.password}   ${pc.dim(`(organisation ${publisher.org})`)}

${h('Licence keys')}
  active     ${licences.active}
  expired    ${licences.expired}
  suspended  ${licences.suspended}
${Object.entries(demo.apps)
  .map(([slug, { licence }]) => `  ${slug.padEnd(18)}${licence}`)
  .join('\n')}

${h('Try it')}
${pc.dim('# a licensed user wakes the app: it was not running')}
curl -i ${auth(licences.active)} ${kama}/api/status
${pc.dim('# an expired licence, and a suspended one')}
curl ${auth(licences.expired)} ${kama}/api/status
curl ${auth(licences.suspended)} ${kama}/api/status
${pc.dim("# the app's own long action, on the user's cluster (once the demo cluster below is ready)")}
curl -X POST ${auth(licences.active)} ${kama}/api/actions/install/run
curl ${auth(licences.active)} ${kama}/api/app/jobs/<job_id>/status
curl -N ${auth(licences.active)} ${apiUrl}/v1/runs/<job_id>/events
${pc.dim('# the same app without code, and one with code, a Helm chart and a plugin')}
${Object.entries(demo.apps)
  .map(([slug, { licence }]) => `curl ${auth(licence)} ${gatewayUrl}/kama/${publisher.org}/${slug}/api/variables/all`)
  .join('\n')}
${pc.dim('# the publisher: log in; an app, a version, its release; a plan, a customer, a licence; suspend it')}
TOKEN=$(curl -s ${apiUrl}/v1/auth/login ${json} -d '{"email":"${publisher.email}","password":"${publisher.password}"}' | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')
publisher() { curl -s -H "Authorization: Bearer $TOKEN" ${json} "$@"; echo; }
publisher ${orgUrl}/apps -d '{"slug":"notes","name":"Notes"}'
publisher ${orgUrl}/apps/notes/versions -d "{"name":"1.0.0","spec":$(cat examples/guestbook/version.json)}"
publisher ${orgUrl}/apps/notes/versions/1.0.0/publish -d '{}'
publisher ${orgUrl}/apps/notes/plans -d '{"slug":"solo","name":"Solo"}'
publisher ${orgUrl}/customers -d '{"name":"Umbrella"}'
publisher ${orgUrl}/apps/notes/licences -d '{"plan":"solo","customerId":"<the customer'"'"'s id>"}'
publisher ${orgUrl}/apps/notes/licences/<the licence's id>/suspend -d '{}'
${pc.dim('# the licensee: its licence; register a cluster and see what was kept and refused; check it; install')}
licensee() { curl -s ${auth(licences.active)} ${json} "$@"; echo; }
licensee ${apiUrl}/v1/licence
node -e 'console.log(JSON.stringify({name:"mine",kubeconfig:require("fs").readFileSync(process.argv[1],"utf8")}))' <a kubeconfig> | licensee ${apiUrl}/v1/clusters -d @-
licensee ${apiUrl}/v1/clusters/<the cluster's id>/check -d '{"namespace":"notes"}'
licensee ${apiUrl}/v1/installs -d '{"clusterId":"<the cluster'"'"'s id>","namespace":"notes"}'

${pc.dim('The same as a guide: docs/guides/first-steps.md. Ctrl-C stops everything; the data stays. `npm run reset` erases it.')}
`;
}
