// One program, three parts: the KAMA (no argument), and the two workloads that it installs (`web`, `store`).
const part = process.argv[2] ?? 'kama';

switch (part) {
  case 'kama':
    (await import('./kama/main.js')).startKama();
    break;
  case 'web':
    (await import('./workload/web.js')).startWeb();
    break;
  case 'store':
    (await import('./workload/store.js')).startStore();
    break;
  default:
    console.error(`unknown part "${part}": give none, "web" or "store"`);
    process.exitCode = 2;
}
