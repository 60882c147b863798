import { Module } from '@nestjs/common';
import { ClusterRunsController } from './cluster-runs.controller.js';
import { OrgRunsController } from './org-runs.controller.js';
import { RunAccess } from './run-access.js';
import { RunsController } from './runs.controller.js';
import { SchedulesController } from './schedules.controller.js';
import { WindowsController } from './windows.controller.js';

@Module({
  controllers: [RunsController, OrgRunsController, ClusterRunsController, SchedulesController, WindowsController],
  providers: [RunAccess],
})
export class RunsModule {}
