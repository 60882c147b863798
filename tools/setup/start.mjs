// `npm start`: from a fresh clone to a running NMachine with a demo.
import { handOver, main, prepare } from './steps.mjs';

await main(async () => {
  console.log('NMachine');
  await prepare();
  return handOver('node', [
    '--disable-warning=ExperimentalWarning',
    '--enable-source-maps',
    'dist/apps/devstack/src/main.js',
  ]);
});
