import { ModulesContainer } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { type StartedApi, startApi } from './start-api.js';

describe('the app boots', () => {
  let database: TestDatabase;
  let api: StartedApi;

  beforeAll(async () => {
    database = await createTestDatabase();
    api = await startApi({ database });
  });
  afterAll(async () => {
    await api.close();
    await database.close();
  });

  it('with every dependency found, and nothing made per request', () => {
    const made = [...api.app.get(ModulesContainer).values()].flatMap((module) => [
      ...module.providers.values(),
      ...module.controllers.values(),
      ...module.injectables.values(),
    ]);
    expect(made.length).toBeGreaterThan(20);
    // Nest's own REQUEST is there in every app; whoever injects it would show up beside it.
    const perRequest = made.filter((wrapper) => !wrapper.isDependencyTreeStatic()).map(({ name }) => name);
    expect(perRequest).toEqual(['REQUEST']);
  });

  it('with a rule of access and a documented success on every route', () => {
    const operations = Object.entries(api.document.paths).flatMap(([path, item]) =>
      Object.entries(item as Record<string, { summary?: string; responses: object }>).map(([method, operation]) => ({
        name: `${method} ${path}`,
        ...operation,
      })),
    );
    const undocumented = operations.filter(
      (operation) =>
        !operation.summary ||
        !Object.keys(operation.responses).some((status) => status.startsWith('2')) ||
        !('x-nm-credentials' in operation || 'x-nm-public' in operation),
    );
    expect(undocumented.map(({ name }) => name)).toEqual([]);
  });

  it('beside another app in one process, with keys of its own', async () => {
    const other = await startApi({ database });
    await other.close();
    const answer = await fetch(`${api.url}/v1/me`);
    expect(answer.status).toBe(401);
  });
});
