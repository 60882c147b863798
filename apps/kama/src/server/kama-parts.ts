import type { Logger } from '@nm/adapters/telemetry';
import type { TemplateWorkers } from '@nm/adapters/templating';
import type { Bundle, HttpReader, Turns } from '@nm/kama-sdk';
import type { Clock } from '@nm/kernel/time';
import type { InstallAccess } from '../installs/install-access.js';

export interface AppIdentity {
  readonly id: string;
  readonly org: string;
  readonly name: string;
  readonly version: string;
}

/** Addressed is what a request is for: one install of one version of an app. */
export interface Addressed {
  readonly app: AppIdentity;
  readonly bundle: Bundle;
  readonly install: InstallAccess;
}

/** KamaParts is what a KAMA server is made of. */
export interface KamaParts {
  /** For whom a request is. @throws Fault unauthenticated, install_required, bundle_invalid */
  readonly address: (headers: Readonly<Record<string, unknown>>, signal: AbortSignal) => Promise<Addressed>;
  /** How descriptors make GET requests; without it, those that do fail. */
  readonly http?: HttpReader;
  readonly templates: TemplateWorkers;
  /** Lets installs share this process; without it, there is only one. */
  readonly turns?: Turns;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Token under which Nest provides the parts. */
export const KAMA_PARTS = Symbol('kama parts');
