import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import type { Session } from '@nm/kama-sdk';
import { Fault } from '@nm/kernel/fault';
import type { ResourceQuestion } from '../contract/bodies.js';
import { OpenVisit, type Visit } from '../server/visit.js';

type ResourceTable = Parameters<Session['views']['rows']>[0];

type Served = Awaited<ReturnType<Session['views']['kinds']>>[number];

const groupAndName = ({ apiVersion, plural }: Served): string =>
  `${apiVersion.includes('/') ? apiVersion.split('/')[0] : ''} ${plural}`;

/** As kubectl lists them, for clients that show the list as it comes: by group and name, each in the version that the cluster names first. */
function listed(served: readonly Served[]): Served[] {
  const preferred = new Map(served.toReversed().map((kind) => [groupAndName(kind), kind]));
  return [...preferred].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, kind]) => kind);
}

/** Objects of the cluster, as far as the install may see them. */
@Controller('api/resources')
export class ResourcesController {
  @Get('definitions')
  async definitions(@OpenVisit() { session }: Visit) {
    const served = listed(await session.views.kinds());
    return {
      data: served.map(({ kind, plural, apiVersion, namespaced, shortNames }) => ({
        ...{ name: plural, kind, namespaced, shortnames: (shortNames ?? []).join(','), apiversion: apiVersion },
        versioned_apigroup: apiVersion.includes('/') ? apiVersion : '',
      })),
    };
  }

  @Get('categories')
  async categories(@OpenVisit() { session }: Visit) {
    return { data: await session.views.categories() };
  }

  @Post('columns')
  @HttpCode(200)
  async columns(@OpenVisit() { session }: Visit, @Body() body: ResourceQuestion) {
    return { data: await session.views.columns({ ...tableOf(body), max_cols: Number.MAX_SAFE_INTEGER }) };
  }

  @Post('query')
  @HttpCode(200)
  async query(@OpenVisit() { session }: Visit, @Body() body: ResourceQuestion) {
    return { data: await session.views.rows(tableOf(body)) };
  }

  @Get('category/:category')
  async category(@OpenVisit() { session }: Visit, @Param('category') name: string) {
    const found = (await session.views.categories()).find(({ id }) => id === name || id?.endsWith(`.${name}`));
    if (!found) throw new Fault('not_found', { public: `There is no category "${name}".` });
    return { data: await session.views.metas(found.resource_kinds.map(String)) };
  }

  @Get('for_kinds')
  async forKinds(@OpenVisit() { session }: Visit, @Query() { kinds = '' }: { kinds?: string }) {
    return { data: await session.views.metas(kinds.split(',').slice(0, 50)) };
  }

  @Get('detail/:kind/:name')
  async detail(@OpenVisit() { session }: Visit, @Param('kind') kind: string, @Param('name') name: string) {
    return { data: await session.views.detail(kind, name) };
  }
}

function tableOf({ resource_kinds, col_ids, problem_level, max_cols }: ResourceQuestion): ResourceTable {
  return {
    resource_kinds,
    ...(col_ids && col_ids.length > 0 ? { col_ids } : {}),
    ...(problem_level ? { problem_level } : {}),
    ...(max_cols ? { max_cols } : {}),
  };
}
