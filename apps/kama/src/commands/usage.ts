const models = '\n  --models <module>     the module of your own kinds (docs/guides/kama-custom-models.md)';
const own = `${models}
  --kubeconfig <file>   work on a cluster that you may use; without it, in memory, as a prototype
  --context <name>      of the kubeconfig; default: its current one
  -n, --namespace <ns>  the install's namespace; default: the context's`;

const commands: Readonly<Record<string, { readonly line: string; readonly text: string }>> = {
  lint: {
    line: 'lint <folder>                       find what is wrong with an app, before anything runs',
    text: `nmachine-kama lint <folder> [--models <module>]

One line a fault: file:line:column, severity, the name of the check, what is wrong and what was probably meant.
Exit code: 0 without errors (warnings are none), 1 with errors.`,
  },
  explain: {
    line: 'explain <folder> <id> <attribute>   show what an attribute comes to, and where it was written',
    text: `nmachine-kama explain <folder> <id> <attribute>

Prints the attribute as it was written, with file and line of each part and the descriptor it was inherited from; its value; for a
variable, what each level of the Kamafile says; and what the evaluation put up with.
${own}`,
  },
  simulate: {
    line: 'simulate <folder> <simulator>       walk through an operation, as an OperationRunSimulator says',
    text: `nmachine-kama simulate <folder> <id of an OperationRunSimulator>

Asks for each step's fields, validates what the simulator types, runs the step, waits, and follows "next". A step of the simulator is
{step, input, expect}; expect is positive (default), negative, or invalid for input that a field must refuse. Exit code 1 when it
comes out otherwise.
${own}`,
  },
  test: {
    line: 'test <folder>                       run every simulation of an app; exit code 1 when one fails',
    text: `nmachine-kama test <folder>

Runs every OperationRunSimulator of the app, each on a fresh install, and prints the course of those that fail.
${own}`,
  },
  pack: {
    line: 'pack <folder> [-o <file>]           write an app as one file, and print its digest',
    text: `nmachine-kama pack <folder> [-o <file>] [--models <module>]

Writes descriptors/, assets/ and plugins/ as one file (default: <name of the folder>.bundle): the same folder gives the same bytes on
every machine. Prints the digest, by which it is pushed and by which a version names it. Refuses what lint refuses.${'\n'}${models}`,
  },
  dev: {
    line: 'dev <folder>                        serve an app here, and load it again whenever it changes',
    text: `nmachine-kama dev <folder> [--port 5000] [--models <module>]

Serves http://127.0.0.1:<port>/api/… without NMachine. With faults in the folder, the app stays what it was and they are printed.
${own}`,
  },
  serve: {
    line: 'serve <folder>                      serve an app',
    text: `nmachine-kama serve <folder> --prototype | --kubeconfig <file> | --in-cluster [--port 5000] [--models <module>]
nmachine-kama serve <folder>

With one of the three options: without NMachine, for one install, whose runs are carried out in this process. --in-cluster is for a pod: it
works on its own namespace, as its ServiceAccount, and listens on all its addresses; the others listen on the loopback address.
Without them: as NMachine starts a KAMA, by the environment of docs/runtime-contract.md.
${own}`,
  },
  'ktea-server': {
    line: 'ktea-server --exec <program> | --chart <folder>   serve a templating engine',
    text: `nmachine-kama ktea-server --exec <program> [--cwd <folder>] [--allow-args]
nmachine-kama ktea-server --chart <folder>

Serves a program, or a Helm chart, as a templating engine on HOST:PORT (127.0.0.1:5005). Equal values are rendered once. --allow-args
lets requests bring words of their own for the program. See docs/guides/kama-engines.md.`,
  },
  host: {
    line: 'host                                serve every app that is a bundle (started by NMachine)',
    text: `nmachine-kama host

Serves all versions of kind "bundle", for all installs; each request says by its Nm-Context which. Started by the operator.`,
  },
};

/** usageOf is the help of a command, or the list of all. */
export const usageOf = (command: string): string =>
  Object.hasOwn(commands, command)
    ? (commands[command]?.text ?? '')
    : `nmachine-kama <command>

${Object.values(commands)
  .map(({ line }) => `  ${line}`)
  .join('\n')}

nmachine-kama <command> --help says more.`;
