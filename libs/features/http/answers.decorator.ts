import { applyDecorators, Header, HttpCode, SerializeOptions } from '@nestjs/common';
import { ApiOperation, ApiResponse } from '@nestjs/swagger';
import type { ZodType } from 'zod';

/**
 * Answers states a route's success: its status, the shape of its body and what it does. The body is passed through the schema, so the route answers with
 * what it documents and nothing else.
 * @param schema absent: no body
 */
export const Answers = (status: number, schema: ZodType | undefined, summary: string): MethodDecorator =>
  applyDecorators(
    HttpCode(status),
    ApiOperation({ summary }),
    Header('Cache-Control', 'no-store'),
    ...(schema
      ? [SerializeOptions({ schema }), ApiResponse({ status, description: summary, standardSchema: schema })]
      : [ApiResponse({ status, description: summary })]),
  );
