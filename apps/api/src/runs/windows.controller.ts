import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Allow, CurrentPrincipal, type LicenseePrincipal } from '@nm/features/access';
import { createWindow, listWindows, removeWindow } from '@nm/features/actions';
import { Answers } from '@nm/features/http';
import { CreateWindow, MaintenanceWindow, type Page, PageQuery, pageOf } from '@nm/kernel/contracts';
import { RunAccess } from './run-access.js';

/** The licensee says when its clusters and installs may be changed; the publisher's code cannot. */
@ApiTags('schedules')
@Controller('v1/windows')
@Allow('licensee')
export class WindowsController {
  readonly #access: RunAccess;

  constructor(access: RunAccess) {
    this.#access = access;
  }

  @Get()
  @Answers(200, pageOf(MaintenanceWindow, 'MaintenanceWindowPage'), 'My maintenance windows, oldest first')
  list(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<MaintenanceWindow>> {
    return listWindows(this.#access, principal, query);
  }

  @Post()
  @Answers(201, MaintenanceWindow, 'Let runs that change something begin in this window only')
  create(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Body({ schema: CreateWindow }) body: CreateWindow,
  ): Promise<MaintenanceWindow> {
    return createWindow(this.#access, principal, body);
  }

  @Delete(':id')
  @Answers(204, undefined, 'Remove a maintenance window; runs that wait for it look again')
  remove(@CurrentPrincipal() principal: LicenseePrincipal, @Param('id') id: string): Promise<void> {
    return removeWindow(this.#access, principal, id);
  }
}
