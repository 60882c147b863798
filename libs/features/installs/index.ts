export { createInstall, type InstallDeps } from './create-install.js';
export { provisionPlan, removalPlan } from './install-plans.js';
export { getInstall, listInstalls } from './read-installs.js';
export { removeInstall } from './remove-install.js';
