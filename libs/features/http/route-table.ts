import { Fault } from '@nm/kernel/fault';
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';

interface Route {
  readonly pattern: RegExp;
  readonly methods: readonly string[];
}

/** RouteTable remembers the routes of an app, to tell a wrong method (405) from an unknown path (404). */
export class RouteTable {
  readonly #routes: Route[] = [];

  add(options: Pick<RouteOptions, 'url' | 'method'>): void {
    if (options.url.includes('*')) return;
    const source = options.url.split('/').map((part) => (part.startsWith(':') ? '[^/]+' : escapeRegExp(part)));
    this.#routes.push({ pattern: new RegExp(`^${source.join('/')}$`), methods: [options.method].flat() });
  }

  /** methodsOf lists what a path supports; empty for an unknown path. */
  methodsOf(path: string): string[] {
    return [
      ...new Set(this.#routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods)),
    ].sort();
  }

  faultOfUnrouted(request: Pick<FastifyRequest, 'url'>, reply: Pick<FastifyReply, 'header'>): Fault {
    const methods = this.methodsOf(request.url.split('?')[0] ?? '');
    if (methods.length === 0) return new Fault('not_found');
    void reply.header('allow', methods.join(', '));
    return new Fault('method_not_allowed');
  }
}

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
