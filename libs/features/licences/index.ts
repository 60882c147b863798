export { moveLicence, rotateLicence } from './change-licence.js';
export { createCustomer, listCustomers, readCustomer } from './customers.js';
export { issueLicence, type LicenceDeps } from './issue-licence.js';
export { type Actor, listEvents } from './licence-events.js';
export type { LicenceMove } from './licence-states.js';
export { readOwnLicence } from './own-licence.js';
export { createPlan, listPlans } from './plans.js';
export { listLicences, readLicence } from './read-licences.js';
export { endSession, readSeats, removeUser } from './seats.js';
