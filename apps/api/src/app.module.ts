import { type DynamicModule, Module } from '@nestjs/common';
import { accessModule, cookieFormOf } from '@nm/features/access';
import { AppsModule } from './apps/apps.module.js';
import { AuthModule } from './auth/auth.module.js';
import { ClustersModule } from './clusters/clusters.module.js';
import { HubModule } from './hub/hub.module.js';
import { InstallsModule } from './installs/installs.module.js';
import { LicencesModule } from './licences/licences.module.js';
import { OrgsModule } from './orgs/orgs.module.js';
import { type Platform, platformModule } from './platform/platform.module.js';
import { RulesModule } from './rules/rules.module.js';
import { RunsModule } from './runs/runs.module.js';

/** Each resource is one module; a new one is one line here. */
const resources = [
  AuthModule,
  OrgsModule,
  AppsModule,
  LicencesModule,
  RulesModule,
  ClustersModule,
  InstallsModule,
  RunsModule,
  HubModule,
];

@Module({})
class AppModule {}

const browserOf = ({ publicApiUrl, publicGatewayUrl }: Platform['config']) => ({
  cookie: cookieFormOf(publicApiUrl),
  origins: [new URL(publicApiUrl).origin, new URL(publicGatewayUrl).origin],
});

/** appModule is the control plane on a given platform. */
export const appModule = (platform: Platform): DynamicModule => ({
  module: AppModule,
  imports: [
    platformModule(platform),
    accessModule({ ...platform, contexts: platform.contextKeys, browser: browserOf(platform.config) }),
    ...resources,
  ],
});
