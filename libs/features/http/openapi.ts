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
  for (const operation of operationsOf(document))
    operation.responses['default'] = {
      description: 'Refused or failed: a problem document.',
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    };
  return document;
}

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;

const operationsOf = (document: OpenAPIObject) =>
  Object.values(document.paths).flatMap((path) => methods.flatMap((method) => path[method] ?? []));

/** serveOpenApi answers /openapi.json, and /docs as pages for people, from files of this installation only. */
export function serveOpenApi(app: INestApplication, document: OpenAPIObject): void {
  SwaggerModule.setup('docs', app, document, { jsonDocumentUrl: 'openapi.json', customSiteTitle: document.info.title });
}
