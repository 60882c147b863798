import { Module } from '@nestjs/common';
import { ClusterAccessController } from './cluster-access.controller.js';
import { InstallsController } from './installs.controller.js';
import { KamaKubeconfigController } from './kama-kubeconfig.controller.js';

@Module({ controllers: [InstallsController, ClusterAccessController, KamaKubeconfigController] })
export class InstallsModule {}
