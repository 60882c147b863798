import { Module } from '@nestjs/common';
import { BundleController } from './bundle.controller.js';
import { DocumentsController } from './documents.controller.js';

@Module({ controllers: [DocumentsController, BundleController] })
export class HubModule {}
