export { moveLicence, rotateLicence } from './change-licence.js';
export { createCustomer, listCustomers, readCustomer } from './customers.js';
export { issueLicence, type LicenceDeps } from './issue-licence.js';
export type { LicenceMove } from './licence-states.js';
export { openLicenceSession, readOwnLicence } from './own-licence.js';
export { createPlan, listPlans } from './plans.js';
export { listLicences, readLicence } from './read-licences.js';
