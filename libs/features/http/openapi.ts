import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';

export interface OpenApiOptions {
  readonly title: string;
  readonly description: string;
  readonly version: string;
  readonly url: string;
}

const bearer = (description: string) => ({ type: 'http', scheme: 'bearer', description }) as const;

/** The credential kinds of features/access as OpenAPI security schemes. */
const schemes = {
  person: bearer('Access token of a login (JWT).'),
  publisher: bearer('Access token of a login (JWT), or an API token (nmt_…) of one organisation.'),
  licensee: bearer('Licence key (nml_…), or a session token made from one.'),
  'licence-key': bearer('Licence key (nml_…).'),
  'licence-session': bearer('Session token made from a licence key; browsers hold it in a cookie.'),
  install: bearer('Context token (Nm-Context) that names an install.'),
};

const problem: NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string] = {
  type: 'object',
  description: 'RFC 9457 problem document; docs/errors.md explains each code.',
  required: ['type', 'title', 'status', 'detail', 'code', 'error', 'reason'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string' },
    error: { type: 'string' },
    reason: { type: 'string' },
    request_id: { type: 'string' },
    issues: {
      type: 'array',
      items: { type: 'object', properties: { path: { type: 'string' }, message: { type: 'string' } } },
    },
  },
};

/** openApiOf describes the routes of an app; what each takes and answers comes from the schemas that validate it. */
export function openApiOf(app: INestApplication, options: OpenApiOptions): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle(options.title)
    .setDescription(options.description)
    .setVersion(options.version)
    .addServer(options.url);
  for (const [name, scheme] of Object.entries(schemes)) builder.addSecurity(name, scheme);
  const document = SwaggerModule.createDocument(app, builder.build(), {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
  document.components = { ...document.components, schemas: { ...document.components?.schemas, Problem: problem } };
  for (const [path, operation] of operationsOf(document)) complete(path, operation);
  return document;
}

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;

const operationsOf = (document: OpenAPIObject): [string, Operation][] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    methods.flatMap((method) => (item[method] ? [[path, item[method]] satisfies [string, Operation]] : [])),
  );

/** complete adds what the scanner does not know: parameters that the guard reads, problems, and one credential rule per route. */
function complete(path: string, operation: Operation): void {
  const { 'x-nm-credentials': kinds } = operation as Operation & { 'x-nm-credentials'?: readonly string[] };
  operation.security = (kinds ?? []).map((kind) => ({ [kind]: [] }));
  // OpenAPI 3 wants `Authorization` described by the security schemes only.
  const known = (operation.parameters ?? []).filter(
    (parameter) => !('name' in parameter) || parameter.name.toLowerCase() !== 'authorization',
  );
  const missing = [...path.matchAll(/\{(\w+)\}/g)]
    .map(([, name = '']) => name)
    .filter((name) => !known.some((parameter) => 'name' in parameter && parameter.name === name));
  operation.parameters = [
    ...missing.map((name) => ({ name, in: 'path' as const, required: true, schema: { type: 'string' as const } })),
    ...known,
  ];
  operation.responses['default'] = {
    description: 'Refused or failed: a problem document.',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

/** serveOpenApi answers /openapi.json, and /docs as pages for people, from files of this installation only. */
export function serveOpenApi(app: INestApplication, document: OpenAPIObject): void {
  SwaggerModule.setup('docs', app, document, { jsonDocumentUrl: 'openapi.json', customSiteTitle: document.info.title });
}
