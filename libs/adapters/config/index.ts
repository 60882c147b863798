export {
  CommaList,
  type CommonConfig,
  commonConfig,
  environment,
  loadConfig,
  Port,
  SecretText,
} from './load-config.js';
export { Secret } from './secret.js';
