import { Module } from '@nestjs/common';
import { IssuersController } from './issuers.controller.js';
import { MembersController } from './members.controller.js';
import { OrgsController } from './orgs.controller.js';
import { TokensController } from './tokens.controller.js';

@Module({ controllers: [OrgsController, MembersController, TokensController, IssuersController] })
export class OrgsModule {}
