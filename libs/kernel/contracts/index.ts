// Each contract is one schema and one type of the same name; this list is the public face of the API.

export {
  AccessRule,
  RollBackRules,
  RuleDiff,
  RuleSet,
  RuleSetChange,
  RulesInForce,
  RuleVersion,
  rulesMax,
  ruleTextMax,
  SaveRules,
} from './access-rules.js';
export { AgentHello, agentPath } from './agents.js';
export {
  App,
  AppKind,
  ChangeApp,
  Channel,
  CreateApp,
  CreateVersion,
  defaultChannel,
  InstanceView,
  RbacPolicy,
  RbacRule,
  SetChannel,
  Tenancy,
  Version,
  VersionSpec,
  VersionState,
} from './apps.js';
export {
  AddMember,
  ApiToken,
  ChangeMember,
  ChangeOrg,
  CreateApiToken,
  CreateOrg,
  IssuedApiToken,
  Login,
  Me,
  Member,
  Org,
  Password,
  RefreshLogin,
  Role,
  Signup,
  TokenPair,
} from './auth.js';
export {
  CheckCluster,
  Cluster,
  ClusterCheck,
  ClusterCheckRecord,
  ClusterHealth,
  CreateInstall,
  CreateSetupScript,
  CredentialInfo,
  Install,
  InstallState,
  IntakeField,
  IntakeReport,
  kubeconfigBytesMax,
  PermissionCheck,
  RegisterCluster,
  RegisteredCluster,
  RemovedInstall,
  ReplaceCredential,
  RotationReport,
  SetupScript,
} from './clusters.js';
export { ContextClaims, contextHeader, contextIssuer, installAudience } from './context.js';
export {
  DecisionQuery,
  DecisionView,
  Effect,
  OwnDecision,
  Rehearsal,
  RehearseRules,
  RouteClass,
  SampledFacts,
  SampledRequest,
} from './decisions.js';
export {
  ChangeCustomer,
  ConvertTrial,
  CreateCustomer,
  CreatePlan,
  Customer,
  Entitlements,
  GraceSteps,
  IssuedLicence,
  IssueLicence,
  Licence,
  LicenceEvent,
  LicenceState,
  LicenceView,
  OfflineKeySet,
  OfflineLicence,
  Plan,
  RenewLicence,
  SignOffline,
  TransferLicence,
} from './licences.js';
export { Limits, limitNumbersOf, Seats, UsageLimits } from './limits.js';
export { ChangeIssuer, IssuerMapping, OidcAlgorithm, OidcIssuer, RegisterIssuer } from './oidc.js';
export { afterCursor, keyset, type Page, toPage } from './page.js';
export { Condition, type ObjectCondition, type StepCondition } from './plan-conditions.js';
export { KubeManifest, manifestsMax, ObjectRef, type ServiceRef } from './plan-objects.js';
export {
  type GroupStep,
  PlanStep,
  planDepthMax,
  planStepsMax,
  RunPlan,
  type StepKind,
  type UndoStep,
  type WorkStep,
} from './plans.js';
export { DisplayName, Email, Id, Instant, KubeName, PageQuery, pageOf, Slug } from './primitives.js';
export {
  CreateRun,
  DecideApproval,
  PauseRuns,
  ProgressNode,
  RetryRun,
  Run,
  RunError,
  RunEvent,
  RunLogLine,
  RunQuery,
  RunStatus,
  RunStep,
  RunSummary,
  StepStatus,
} from './runs.js';
export { LicenceSession, OpenSession, SeatsView } from './sessions.js';
