import { appRoutes } from './app-routes.js';
import type { RouteContract } from './define-route.js';
import { installRoutes } from './install-routes.js';

/** kamaRoutes is the whole API of a KAMA. */
export const kamaRoutes: readonly RouteContract[] = [...installRoutes, ...appRoutes];

/** routeKey names a route as the server knows it: `GET /api/variables/detail/:id`. */
export const routeKey = ({ method, path }: Pick<RouteContract, 'method' | 'path'>): string =>
  `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`;
