import { Controller, Delete, Get, Inject, Param } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Allow, CurrentOrg, Needs, type OrgAccess } from '@nm/features/access';
import { Answers } from '@nm/features/http';
import { endSession, readSeats, removeUser } from '@nm/features/licences';
import { SeatsView } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import { CLOCK } from '../platform/tokens.js';
import { actorOf } from './actor-of.js';

@ApiTags('licences')
@Controller('v1/orgs/:org/apps/:app/licences/:id')
@Allow('publisher')
export class SeatsController {
  readonly #deps: { readonly db: Db; readonly clock: Clock };

  constructor(db: Db, @Inject(CLOCK) clock: Clock) {
    this.#deps = { db, clock };
  }

  @Get('seats')
  @Needs('licences.read')
  @Answers(200, SeatsView, 'Who holds the seats of a licence: installs, named users, sessions')
  seats(@CurrentOrg() org: OrgAccess, @Param('app') app: string, @Param('id') id: string): Promise<SeatsView> {
    return readSeats(this.#deps, org.id, app, id);
  }

  @Delete('sessions/:session')
  @Needs('licences.suspend')
  @Answers(204, undefined, 'End a session of a licence; its seat is free')
  end(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Param('id') id: string,
    @Param('session') sessionId: string,
  ): Promise<void> {
    return endSession(this.#deps, actorOf(org), { app, id, sessionId });
  }

  @Delete('users/:user')
  @Needs('licences.suspend')
  @Answers(204, undefined, 'Free the seat of a named user and end their sessions')
  remove(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Param('id') id: string,
    @Param('user') userId: string,
  ): Promise<void> {
    return removeUser(this.#deps, actorOf(org), { app, id, userId });
  }
}
