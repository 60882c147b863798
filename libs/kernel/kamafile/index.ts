export {
  type Kamafile,
  kamafileData,
  kamafileLabels,
  kamafileName,
  olderKamafileName,
  parseKamafile,
  updatedAtAnnotation,
} from './kamafile.js';
export {
  changeLevel,
  emptySpace,
  mergedVars,
  originsOf,
  overlaySecrets,
  type Space,
  type VariableLevel,
  variableLevels,
} from './space.js';
export { deepOf, flatOf, mergeVars, unsetVars, type Vars, valueAt } from './variables.js';
