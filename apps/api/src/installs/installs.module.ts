import { Module } from '@nestjs/common';
import { InstallsController } from './installs.controller.js';

@Module({ controllers: [InstallsController] })
export class InstallsModule {}
