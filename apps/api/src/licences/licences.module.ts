import { Module } from '@nestjs/common';
import { CustomersController } from './customers.controller.js';
import { LicencesController } from './licences.controller.js';
import { OwnLicenceController } from './own-licence.controller.js';
import { PlansController } from './plans.controller.js';

@Module({ controllers: [PlansController, CustomersController, LicencesController, OwnLicenceController] })
export class LicencesModule {}
