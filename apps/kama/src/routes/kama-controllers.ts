import { ActionsController } from './actions.controller.js';
import { AppController } from './app.controller.js';
import { ErrorsController } from './errors.controller.js';
import { HealthController } from './health.controller.js';
import { InjectionsController } from './injections.controller.js';
import { OlderAppController } from './older-app.controller.js';
import { OpenApiController } from './openapi.controller.js';
import { OperationsController } from './operations.controller.js';
import { PluginsController } from './plugins.controller.js';
import { ReleasesController } from './releases.controller.js';
import { ResourcesController } from './resources.controller.js';
import { StatusController } from './status.controller.js';
import { StepsController } from './steps.controller.js';
import { TelemetryController } from './telemetry.controller.js';
import { VariablesController } from './variables.controller.js';
import { ViewsController } from './views.controller.js';

/** kamaControllers are all routes of a KAMA. */
export const kamaControllers = [
  ActionsController,
  AppController,
  ErrorsController,
  HealthController,
  InjectionsController,
  OlderAppController,
  OpenApiController,
  OperationsController,
  PluginsController,
  ReleasesController,
  ResourcesController,
  StatusController,
  StepsController,
  TelemetryController,
  VariablesController,
  ViewsController,
] as const;
