import { z } from 'zod';
import type { RouteContract } from './define-route.js';
import { kamaRoutes } from './kama-contract.js';
import { Problem } from './shapes.js';

type Json = Record<string, unknown>;

/** schemaOf gives JSON Schema, and moves what has a name to the components. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', components: Json): Json {
  const {
    $schema: _,
    $defs,
    ...rest
  } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    target: 'draft-2020-12',
  }) as Json & { readonly $defs?: Json };
  for (const [name, definition] of Object.entries($defs ?? {})) components[name] ??= relinked(definition as Json);
  return relinked(rest);
}

const relinked = (schema: Json): Json =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json;

/** Every parameter of a path is text; the id of an operation or action may be a descriptor as base64 of JSON. */
const pathParameters = (path: string): Json[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', maxLength: 4_000 },
  }));

function queryParameters(route: RouteContract, components: Json): Json[] {
  return Object.entries(route.query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: !(schema as z.ZodType).safeParse(undefined).success,
    schema: schemaOf(schema as z.ZodType, 'input', components),
  }));
}

function operationOf(route: RouteContract, components: Json): Json {
  const refusal = { description: 'Refused', content: json({ $ref: '#/components/schemas/Problem' }) };
  return {
    tags: [route.tag],
    summary: route.summary,
    operationId: `${route.method.toLowerCase()}${route.path.replaceAll(/[^A-Za-z0-9]+(.)?/g, (_all, next: string) => (next ?? '').toUpperCase())}`,
    ...(route.older ? { deprecated: true } : {}),
    parameters: [...pathParameters(route.path), ...queryParameters(route, components)],
    ...(route.body
      ? { requestBody: { required: true, content: json(schemaOf(route.body, 'input', components)) } }
      : {}),
    responses: {
      200: { description: 'OK', content: json(schemaOf(route.answer, 'output', components)) },
      '4XX': refusal,
    },
  };
}

const json = (schema: Json): Json => ({ 'application/json': { schema } });

let document: Json | undefined;

/** kamaOpenApi describes the API of a KAMA (OpenAPI 3.1), from the schemas that the server itself checks bodies by. */
export function kamaOpenApi(): Json {
  document ??= build();
  return document;
}

function build(): Json {
  const schemas: Json = {};
  const paths: Record<string, Json> = {};
  for (const route of kamaRoutes) {
    const path = paths[route.path] ?? {};
    path[route.method.toLowerCase()] = operationOf(route, schemas);
    paths[route.path] = path;
  }
  schemaOf(z.object({ problem: Problem }), 'output', schemas);
  return {
    openapi: '3.1.0',
    info: {
      title: 'KAMA',
      version: '1',
      description:
        'What an app answers about one install. Bodies are JSON, or JSON within a JSON string. Routes that change something post a plan and answer `job_id`; GET changes nothing.',
    },
    servers: [{ url: '/' }],
    paths,
    components: { schemas },
  };
}
