import { Module } from '@nestjs/common';
import { OrgRunsController } from './org-runs.controller.js';
import { RunAccess } from './run-access.js';
import { RunsController } from './runs.controller.js';

@Module({ controllers: [RunsController, OrgRunsController], providers: [RunAccess] })
export class RunsModule {}
