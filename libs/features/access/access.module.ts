import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { AccessGuard, type AccessGuardDeps } from './access.guard.js';
import { accessTokenGuard } from './access-token.guard.js';

@Module({})
class AccessModule {}

/** accessModule closes every route of the app that imports it, but for what `Allow` and `Public` open. */
export function accessModule(deps: AccessGuardDeps): DynamicModule {
  const accessToken = accessTokenGuard(deps);
  return {
    module: AccessModule,
    providers: [
      {
        provide: APP_GUARD,
        useFactory: (reflector: Reflector) => new AccessGuard(reflector, deps, accessToken),
        inject: [Reflector],
      },
    ],
  };
}
