export { createApp, listApps, readApp, requireApp } from './apps.js';
export { readBundle, readVersionBundle, storeBundle } from './bundles.js';
export { changeApp } from './change-app.js';
export { listChannels, setChannel } from './channels.js';
export { listInstances, readInstanceLog } from './instances.js';
export { createVersion, listVersions, publishVersion, readVersion, yankVersion } from './versions.js';
