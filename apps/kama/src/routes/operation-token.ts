import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

const spellings = ['ostid', 'ost_id'];

/** OperationToken is the token of an operation that was begun: header or query, in any spelling that clients use. */
export const OperationToken = createParamDecorator((_: unknown, context: ExecutionContext): string | undefined => {
  const { headers, query } = context.switchToHttp().getRequest<FastifyRequest>();
  for (const from of [headers, query as Record<string, unknown>])
    for (const [name, value] of Object.entries(from))
      if (spellings.includes(name.toLowerCase()) && typeof value === 'string') return value;
  return undefined;
});
