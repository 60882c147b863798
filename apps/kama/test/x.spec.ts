import { it, expect } from 'vitest';
import { z } from 'zod';
import { kamaOpenApi } from '../src/contract/openapi.js';
it('x', () => {
  const doc = kamaOpenApi() as any;
  console.log(Object.keys(doc.components.schemas), JSON.stringify(doc.paths['/api/app/jobs/{id}/status'], null, 1));
  console.log(JSON.stringify(doc.components.schemas.Progress), JSON.stringify(doc).length);
  const s = z.fromJSONSchema(JSON.parse(JSON.stringify({ $ref: '#/$defs/JobStatus', $defs: doc.components.schemas }).replaceAll('#/components/schemas/', '#/$defs/')));
  console.log(s.safeParse({ status: 'running', progress: { id: 'a', title: 'b', info: null, status: 'idle', sub_items: [{}], logs: [], error: null }, result: null }));
});
