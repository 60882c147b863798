export {
  CommaList,
  type CommonConfig,
  commonConfig,
  environment,
  loadConfig,
  type MasterKeySource,
  Port,
  parseMasterKeys,
  SecretText,
} from './load-config.js';
export { Secret } from './secret.js';
