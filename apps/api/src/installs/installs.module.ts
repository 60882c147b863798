import { Module } from '@nestjs/common';
import { ClusterAccessController } from './cluster-access.controller.js';
import { InstallsController } from './installs.controller.js';

@Module({ controllers: [InstallsController, ClusterAccessController] })
export class InstallsModule {}
