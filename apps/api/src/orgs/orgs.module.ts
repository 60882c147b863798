import { Module } from '@nestjs/common';
import { MembersController } from './members.controller.js';
import { OrgsController } from './orgs.controller.js';
import { TokensController } from './tokens.controller.js';

@Module({ controllers: [OrgsController, MembersController, TokensController] })
export class OrgsModule {}
