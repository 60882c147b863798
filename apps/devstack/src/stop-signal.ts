/** stopSignal resolves at the first Ctrl-C or SIGTERM; a third Ctrl-C ends at once, for whoever cannot wait. */
export function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let count = 0;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => {
        resolve(signal);
        if (++count >= 3) process.exit(130);
      });
  });
}
