export { createInstall, type InstallDeps } from './create-install.js';
export { previewInstall } from './preview-install.js';
export { getInstall, listInstalls } from './read-installs.js';
export { removeInstall } from './remove-install.js';
