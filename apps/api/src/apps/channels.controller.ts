import { Body, Controller, Get, Param, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Allow, CurrentOrg, Needs, type OrgAccess } from '@nm/features/access';
import { listChannels, setChannel } from '@nm/features/apps';
import { Answers } from '@nm/features/http';
import { Channel, type Page, PageQuery, pageOf, SetChannel, Slug } from '@nm/kernel/contracts';

@ApiTags('channels')
@Controller('v1/orgs/:org/apps/:app/channels')
@Allow('publisher')
export class ChannelsController {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  @Get()
  @Needs('apps.read')
  @Answers(200, pageOf(Channel, 'ChannelPage'), 'Which version each channel points to')
  list(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<Channel>> {
    return listChannels(this.#db, org.id, app, query);
  }

  @Put(':channel')
  @Needs('apps.write')
  @Answers(
    200,
    Channel,
    'Point a channel to a published version, on wish with the next one for a share of the licences',
  )
  set(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Param('channel', { schema: Slug }) channel: string,
    @Body({ schema: SetChannel }) body: SetChannel,
  ): Promise<Channel> {
    return setChannel(this.#db, org.id, app, channel, body);
  }
}
