import { Module } from '@nestjs/common';
import { DecisionsController } from './decisions.controller.js';
import { RulesController } from './rules.controller.js';

@Module({ controllers: [RulesController, DecisionsController] })
export class RulesModule {}
