import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Turn {
  readonly response: ServerResponse;
  readonly begin: () => void;
}

/**
 * Turns serves the requests of each connection one after the other. Node hands over what was sent ahead (RFC 9112 §9.3.2) as soon as it is read, and would keep all the answers of somebody who reads none;
 * here nothing more is read while one waits.
 */
export class Turns {
  readonly #waiting = new WeakMap<Socket, Turn[]>();

  /** take begins at once, or when the answers before have left or their connection is gone: then never. */
  take(socket: Socket, response: ServerResponse, begin: () => void): void {
    const waiting = this.#waiting.get(socket);
    if (waiting) {
      waiting.push({ response, begin });
      socket.pause();
      return;
    }
    const others: Turn[] = [];
    this.#waiting.set(socket, others);
    this.#start(socket, others, { response, begin });
  }

  #start(socket: Socket, others: Turn[], { response, begin }: Turn): void {
    response.once('close', () => {
      const next = others.shift();
      if (socket.destroyed) return;
      if (next) return void this.#start(socket, others, next);
      this.#waiting.delete(socket);
      socket.resume();
    });
    begin();
  }
}
