import { Module } from '@nestjs/common';
import { CustomersController } from './customers.controller.js';
import { LicenceTermsController } from './licence-terms.controller.js';
import { LicencesController } from './licences.controller.js';
import { OfflineController } from './offline.controller.js';
import { OwnLicenceController } from './own-licence.controller.js';
import { OwnSessionController } from './own-session.controller.js';
import { PlansController } from './plans.controller.js';
import { SeatsController } from './seats.controller.js';

@Module({
  controllers: [
    PlansController,
    CustomersController,
    LicencesController,
    OwnLicenceController,
    OwnSessionController,
    SeatsController,
    OfflineController,
    LicenceTermsController,
  ],
})
export class LicencesModule {}
