import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiResponse } from '@nestjs/swagger';

/** Streams states that a route answers with server-sent events. */
export const Streams = (summary: string): MethodDecorator =>
  applyDecorators(
    ApiOperation({ summary }),
    ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Number of the last event that the client has' }),
    ApiOkResponse({ description: summary, content: { 'text/event-stream': { schema: { type: 'string' } } } }),
    ApiResponse({ status: 204, description: 'There is nothing more: the run has ended and the client has all of it' }),
  );

/** Downloads states that a route answers with a file, as NDJSON or CSV. */
export const Downloads = (summary: string): MethodDecorator =>
  applyDecorators(
    ApiOperation({ summary }),
    ApiOkResponse({
      description: summary,
      content: {
        'application/x-ndjson': { schema: { type: 'string' } },
        'text/csv': { schema: { type: 'string' } },
      },
    }),
  );
