export { createInstall, type InstallDeps } from './create-install.js';
export { getInstall, listInstalls } from './read-installs.js';
export { removeInstall } from './remove-install.js';
