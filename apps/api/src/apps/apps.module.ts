import { Module } from '@nestjs/common';
import { AppsController } from './apps.controller.js';
import { BundlesController } from './bundles.controller.js';
import { ChannelsController } from './channels.controller.js';
import { VersionsController } from './versions.controller.js';

@Module({ controllers: [AppsController, VersionsController, ChannelsController, BundlesController] })
export class AppsModule {}
