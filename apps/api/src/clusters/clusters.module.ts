import { Module } from '@nestjs/common';
import { ClusterAccess } from './cluster-access.js';
import { ClustersController } from './clusters.controller.js';

@Module({ controllers: [ClustersController], providers: [ClusterAccess] })
export class ClustersModule {}
