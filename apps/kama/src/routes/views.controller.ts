import { Controller, Get, Param, Query } from '@nestjs/common';
import { OpenVisit, type Visit } from '../server/visit.js';
import { patchOf } from './view-patch.js';

type Fields = Record<string, string | undefined>;

/** Pages, tiles and tables of the app. */
@Controller('api/view_specs')
export class ViewsController {
  @Get('groups/:id')
  async group(@OpenVisit() { session }: Visit, @Param('id') id: string) {
    return { data: await session.views.group(id) };
  }

  @Get('containers/:id/meta')
  async container(@OpenVisit() { session }: Visit, @Param('id') id: string, @Query() query: Fields) {
    return { data: await session.views.container(id, patchOf(query)) };
  }

  @Get('tables/:id/compute')
  async table(@OpenVisit() { session }: Visit, @Param('id') id: string, @Query() query: Fields) {
    return { data: await session.views.frames(id, patchOf(query)) };
  }

  @Get('grids/:id/cells/:cell/compute')
  async cell(
    @OpenVisit() { session }: Visit,
    @Param('id') id: string,
    @Param('cell') cell: string,
    @Query() query: Fields,
  ) {
    return { data: await session.views.cell(id, cell, patchOf(query)) };
  }
}
