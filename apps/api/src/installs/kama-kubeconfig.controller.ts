import { Controller, Inject, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Allow, CurrentPrincipal, type InstallPrincipal, ReadsOnly } from '@nm/features/access';
import { instanceKubeconfig, type TokenDeps } from '@nm/features/cluster-access';
import { ContextKeys } from '@nm/features/context';
import { Answers } from '@nm/features/http';
import { Kubeconfig } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import type { ApiConfig } from '../platform/api-config.js';
import { API_CONFIG, CLOCK } from '../platform/tokens.js';

/** For operators, which hand it to the KAMAs that serve one install, and for those themselves. */
@ApiTags('installs')
@Controller('v1/kubeconfig')
@Allow('install', 'instance')
export class KamaKubeconfigController {
  readonly #deps: TokenDeps;

  constructor(db: Db, keys: ContextKeys, @Inject(CLOCK) clock: Clock, @Inject(API_CONFIG) config: ApiConfig) {
    this.#deps = { db, clock, keys, ...config.kubeDoor };
  }

  @Post()
  @ReadsOnly()
  @Answers(
    201,
    Kubeconfig,
    'A kubeconfig for the hosted KAMA that asks, for the install that it serves; ends with the instance',
  )
  create(@CurrentPrincipal() principal: InstallPrincipal): Promise<Kubeconfig> {
    return instanceKubeconfig(this.#deps, principal);
  }
}
