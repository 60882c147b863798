import { Module } from '@nestjs/common';
import { AgentsController } from './agents.controller.js';
import { ClusterAccess } from './cluster-access.js';
import { ClustersController } from './clusters.controller.js';

@Module({ controllers: [ClustersController, AgentsController], providers: [ClusterAccess] })
export class ClustersModule {}
