import { type DynamicModule, Module } from '@nestjs/common';
import { ContextKeys } from '@nm/features/context';
import { OwnRoutesController } from './own-routes.controller.js';

@Module({ controllers: [OwnRoutesController] })
class GatewayModule {}

/** gatewayModule gives the module what lives outside Nest. */
export const gatewayModule = (keys: ContextKeys): DynamicModule => ({
  module: GatewayModule,
  providers: [{ provide: ContextKeys, useValue: keys }],
});
