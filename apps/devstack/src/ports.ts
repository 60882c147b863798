import { createServer } from 'node:net';
import { Fault } from '@nm/kernel/fault';

export interface WantedPort {
  readonly port: number;
  readonly variable: string;
  readonly purpose: string;
}

function free(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** checkPorts fails before anything is started when a port is taken, and says which variable moves it. */
export async function checkPorts(wanted: readonly WantedPort[]): Promise<void> {
  for (const { port, variable, purpose } of wanted) {
    if (await free(port)) continue;
    throw new Fault('config_invalid', {
      public: `Port ${port} is taken, and ${purpose} needs it. Stop the program that holds it, or start with ${variable}=<a free port>.`,
    });
  }
}
