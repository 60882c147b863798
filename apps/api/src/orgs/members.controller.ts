import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import {
  Allow,
  addMember,
  CurrentOrg,
  changeMember,
  listMembers,
  Needs,
  type OrgAccess,
  removeMember,
} from '@nm/features/access';
import { Answers } from '@nm/features/http';
import { AddMember, ChangeMember, Member, type Page, PageQuery, pageOf } from '@nm/kernel/contracts';

@ApiTags('members')
@Controller('v1/orgs/:org/members')
@Allow('publisher')
export class MembersController {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  @Get()
  @Needs('members.read')
  @Answers(200, pageOf(Member, 'MemberPage'), 'Who belongs to the organisation')
  list(@CurrentOrg() org: OrgAccess, @Query({ schema: PageQuery }) query: PageQuery): Promise<Page<Member>> {
    return listMembers(this.#db, org, query);
  }

  @Post()
  @Needs('members.write')
  @Answers(201, Member, 'Take a person with an account in')
  add(@CurrentOrg() org: OrgAccess, @Body({ schema: AddMember }) body: AddMember): Promise<Member> {
    return addMember(this.#db, org, body);
  }

  @Patch(':id')
  @Needs('members.write')
  @Answers(200, Member, 'Give a member another role')
  change(
    @CurrentOrg() org: OrgAccess,
    @Param('id') id: string,
    @Body({ schema: ChangeMember }) body: ChangeMember,
  ): Promise<Member> {
    return changeMember(this.#db, org, id, body.role);
  }

  @Delete(':id')
  @Needs('members.write')
  @Answers(204, undefined, 'End a membership')
  remove(@CurrentOrg() org: OrgAccess, @Param('id') id: string): Promise<void> {
    return removeMember(this.#db, org, id);
  }
}
