import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Allow, CurrentPrincipal } from '@nm/features/access';
import {
  changeSchedule,
  createSchedule,
  listSchedules,
  type RunPrincipal,
  readSchedule,
  removeSchedule,
} from '@nm/features/actions';
import { Answers } from '@nm/features/http';
import { ChangeSchedule, CreateSchedule, type Page, PageQuery, pageOf, Schedule } from '@nm/kernel/contracts';
import { RunAccess } from './run-access.js';

/** Runs at certain times. A hosted KAMA may set them up for its install; the licensee sees and pauses them all. */
@ApiTags('schedules')
@Controller('v1/schedules')
@Allow('licensee', 'install')
export class SchedulesController {
  readonly #access: RunAccess;

  constructor(access: RunAccess) {
    this.#access = access;
  }

  @Get()
  @Answers(200, pageOf(Schedule, 'SchedulePage'), 'The schedules of my installs, oldest first')
  list(
    @CurrentPrincipal() principal: RunPrincipal,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<Schedule>> {
    return listSchedules(this.#access, principal, query);
  }

  @Post()
  @Answers(201, Schedule, 'Start a run at certain times')
  create(
    @CurrentPrincipal() principal: RunPrincipal,
    @Body({ schema: CreateSchedule }) body: CreateSchedule,
  ): Promise<Schedule> {
    return createSchedule(this.#access, principal, body);
  }

  @Get(':id')
  @Answers(200, Schedule, 'One schedule: when it comes next, and what came of the last time')
  read(@CurrentPrincipal() principal: RunPrincipal, @Param('id') id: string): Promise<Schedule> {
    return readSchedule(this.#access, principal, id);
  }

  @Patch(':id')
  @Answers(200, Schedule, 'Pause, resume, rename or move a schedule')
  change(
    @CurrentPrincipal() principal: RunPrincipal,
    @Param('id') id: string,
    @Body({ schema: ChangeSchedule }) body: ChangeSchedule,
  ): Promise<Schedule> {
    return changeSchedule(this.#access, principal, id, body);
  }

  @Delete(':id')
  @Answers(204, undefined, 'End a schedule; runs that it has started go on')
  remove(@CurrentPrincipal() principal: RunPrincipal, @Param('id') id: string): Promise<void> {
    return removeSchedule(this.#access, principal, id);
  }
}
