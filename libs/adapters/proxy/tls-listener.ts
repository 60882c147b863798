import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import { Fault } from '@nm/kernel/fault';
import { listenOn } from './listen.js';

/** PEM files: the certificate with its chain, and its private key. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface TlsListenOptions extends CertificateFiles {
  readonly hosts: readonly string[];
  /** One port on every address; 0 lets the first address choose. */
  readonly port: number;
  /** Which variable sets it, to name when it is taken. */
  readonly portVariable?: string;
  /** Other processes listen on the same port (SO_REUSEPORT). */
  readonly sharePort?: boolean;
  /** The files have changed: with an error when the new ones cannot be used; then the old ones stay. */
  readonly onReload: (error?: unknown) => void;
  /** How often the files are looked at. Milliseconds. */
  readonly lookEveryMs?: number;
}

const lookEveryMs = 5_000;
/** A client that does not get on with its handshake holds a connection for nothing. Milliseconds. */
const handshakeMs = 10_000;
const fixed = { minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] } as const;

/** TlsListener takes TLS off connections and hands them on. A certificate that is replaced on disk holds for connections from then on; nothing is cut. */
export class TlsListener {
  readonly servers: readonly Server[];
  readonly port: number;
  readonly #options: TlsListenOptions;
  readonly #timer: NodeJS.Timeout;
  #mark: string;
  #refused = '';

  /** open listens. @param accept gets each connection whose handshake is done @throws Fault config_invalid */
  static async open(options: TlsListenOptions, accept: (socket: TLSSocket) => void): Promise<TlsListener> {
    const mark = await markOf(options);
    const context = await read(options).catch((cause: Error) => {
      throw new Fault('config_invalid', {
        public: `NM_GATEWAY_TLS_CERT_FILE and NM_GATEWAY_TLS_KEY_FILE cannot be used: ${cause.message}`,
        cause,
      });
    });
    const servers: Server[] = [];
    let { port } = options;
    for (const host of options.hosts) {
      const server = createServer({ ...context, ...fixed, handshakeTimeout: handshakeMs, noDelay: true }, (socket) => {
        // Only now: Node never lets go of a connection that may be half open and ends within its handshake.
        socket.allowHalfOpen = true;
        accept(socket);
      });
      try {
        port = await listenOn(server, host, port, options.sharePort, options.portVariable ?? 'NM_GATEWAY_TLS_PORT');
      } catch (error) {
        for (const other of servers) other.close();
        throw error;
      }
      servers.push(server);
    }
    return new TlsListener(options, servers, port, mark);
  }

  private constructor(options: TlsListenOptions, servers: readonly Server[], port: number, mark: string) {
    this.#options = options;
    this.servers = servers;
    this.port = port;
    this.#mark = mark;
    this.#timer = setInterval(() => void this.#look(), options.lookEveryMs ?? lookEveryMs).unref();
  }

  async #look(): Promise<void> {
    const mark = await markOf(this.#options);
    if (mark === this.#mark) return;
    try {
      const context = await read(this.#options);
      for (const server of this.servers) server.setSecureContext({ ...context, ...fixed });
      this.#mark = mark;
      this.#options.onReload();
    } catch (error) {
      // Between the two files' replacements they do not fit: that is said once, and looked at again.
      if (this.#refused !== mark) this.#options.onReload(error);
      this.#refused = mark;
    }
  }

  /** close looks at the files no more; the servers are closed by who accepts. */
  close(): void {
    clearInterval(this.#timer);
  }
}

/** read gives a pair that fits. */
async function read({ certFile, keyFile }: CertificateFiles): Promise<SecureContextOptions> {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  createSecureContext({ cert, key });
  return { cert, key };
}

/** What changes when one of the files does, also when a symbolic link to it is turned. */
async function markOf({ certFile, keyFile }: CertificateFiles): Promise<string> {
  const facts = await Promise.all([certFile, keyFile].map((path) => stat(path).catch(() => undefined)));
  return facts.map((file) => `${file?.ino}:${file?.mtimeMs}:${file?.size}`).join(' ');
}
