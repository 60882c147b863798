import { Fault } from '@nm/kernel/fault';
import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import type { RouteContract } from '../contract/define-route.js';
import { kamaRoutes, routeKey } from '../contract/kama-contract.js';

const contracts = new Map<string, RouteContract>(kamaRoutes.map((route) => [routeKey(route), route]));
const issuesMax = 20;

/**
 * checkRequests holds every request to the contract of its route before anything else sees it: what is missing or of the wrong shape is refused with
 * a place and a reason, what is not known passes. @throws Fault invalid_body, invalid_query within requests
 */
export function checkRequests(server: Pick<FastifyInstance, 'addHook'>): void {
  server.addHook('preHandler', (request, _reply, done) => {
    const contract = contracts.get(`${request.method} ${request.routeOptions.url ?? ''}`);
    try {
      if (contract?.query) checked(contract.query, request.query, 'invalid_query');
      if (contract?.body) request.body = checked(contract.body, request.body ?? {}, 'invalid_body');
      done();
    } catch (error) {
      done(error as Error);
    }
  });
}

function checked(schema: z.ZodType, value: unknown, code: 'invalid_body' | 'invalid_query'): unknown {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const issues = read.error.issues
    .slice(0, issuesMax)
    .map(({ path, message }) => ({ path: path.join('.'), message: message.slice(0, 300) }));
  const [first] = issues;
  throw new Fault(code, {
    public: first ? `${first.path === '' ? 'It' : `"${first.path}"`}: ${first.message}.` : 'It has another shape.',
    extra: { issues },
  });
}
