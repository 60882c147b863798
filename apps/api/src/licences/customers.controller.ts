import { Body, Controller, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Allow, CurrentOrg, Needs, type OrgAccess } from '@nm/features/access';
import { Answers } from '@nm/features/http';
import { changeCustomer, createCustomer, listCustomers, readCustomer } from '@nm/features/licences';
import { ChangeCustomer, CreateCustomer, Customer, type Page, PageQuery, pageOf } from '@nm/kernel/contracts';

@ApiTags('customers')
@Controller('v1/orgs/:org/customers')
@Allow('publisher')
export class CustomersController {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  @Get()
  @Needs('customers.read')
  @Answers(200, pageOf(Customer, 'CustomerPage'), 'The customers of the organisation')
  list(@CurrentOrg() org: OrgAccess, @Query({ schema: PageQuery }) query: PageQuery): Promise<Page<Customer>> {
    return listCustomers(this.#db, org.id, query);
  }

  @Post()
  @Needs('customers.write')
  @Answers(201, Customer, 'Make a customer')
  create(@CurrentOrg() org: OrgAccess, @Body({ schema: CreateCustomer }) body: CreateCustomer): Promise<Customer> {
    return createCustomer(this.#db, org.id, body);
  }

  @Get(':id')
  @Needs('customers.read')
  @Answers(200, Customer, 'One customer')
  read(@CurrentOrg() org: OrgAccess, @Param('id') id: string): Promise<Customer> {
    return readCustomer(this.#db, org.id, id);
  }

  @Patch(':id')
  @Needs('customers.write')
  @Answers(200, Customer, 'Change a customer; null takes a value away')
  change(
    @CurrentOrg() org: OrgAccess,
    @Param('id') id: string,
    @Body({ schema: ChangeCustomer }) body: ChangeCustomer,
  ): Promise<Customer> {
    return changeCustomer(this.#db, org.id, id, body);
  }
}
