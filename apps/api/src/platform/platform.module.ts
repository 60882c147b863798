import { type DynamicModule, Module } from '@nestjs/common';
import { Db } from '@nm/adapters/db';
import { EgressPolicy } from '@nm/adapters/egress';
import type { Logger } from '@nm/adapters/telemetry';
import { Vault } from '@nm/adapters/vault';
import { ContextKeys } from '@nm/features/context';
import { EventStreams } from '@nm/features/http';
import { CompileThread } from '@nm/kama-sdk/compile';
import type { Clock } from '@nm/kernel/time';
import type { ApiConfig } from './api-config.js';
import { API_CONFIG, CLOCK, LOGGER } from './tokens.js';

/** Platform is what the whole app stands on; `main` makes it before Nest and closes it after. */
export interface Platform {
  readonly config: ApiConfig;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly db: Db;
  readonly vault: Vault;
  readonly contextKeys: ContextKeys;
  readonly streams: EventStreams;
  readonly compiler: CompileThread;
}

@Module({})
class PlatformModule {}

/** platformModule offers the platform to every module: `Db`, `Vault`, `ContextKeys`, `EventStreams`, `CompileThread` by class, the rest by token. */
export function platformModule(platform: Platform): DynamicModule {
  const providers = [
    { provide: Db, useValue: platform.db },
    { provide: Vault, useValue: platform.vault },
    { provide: ContextKeys, useValue: platform.contextKeys },
    { provide: EventStreams, useValue: platform.streams },
    { provide: CompileThread, useValue: platform.compiler },
    { provide: EgressPolicy, useValue: platform.config.egress },
    { provide: CLOCK, useValue: platform.clock },
    { provide: LOGGER, useValue: platform.logger },
    { provide: API_CONFIG, useValue: platform.config },
  ];
  return { module: PlatformModule, global: true, providers, exports: providers };
}
