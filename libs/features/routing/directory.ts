import type { Change, Db, Tx } from '@nm/adapters/db';
import type { Clock } from '@nm/kernel/time';
import type { AppEntry, InstallEntry, InstanceEntry, LicenceEntry, VersionEntry } from './entries.js';
import {
  loadApp,
  loadInstalls,
  loadInstance,
  loadLicence,
  loadLicenceIdByLookup,
  loadVersion,
} from './load-entries.js';
import { LoadingCache } from './loading-cache.js';

/** Bounds of memory: a licence entry is about 1 KB. */
const entriesMax = 50_000;
const instancesMax = 10_000;
/** What does not exist is remembered briefly, and in a small room of its own: strangers choose these keys. */
const absentMs = 2_000;
const lookupsMax = 20_000;

type Listener = (change: Change) => void;

/**
 * Directory is the gateway's memory of who may reach what and where it runs. Entries are loaded on first use and stay until a change names them;
 * nothing here decides.
 */
export class Directory {
  readonly #db: Pick<Db, 'asSystem'>;
  readonly #lookups: LoadingCache<string | undefined>;
  readonly #licences: LoadingCache<LicenceEntry | undefined>;
  readonly #apps: LoadingCache<AppEntry | undefined>;
  readonly #versions: LoadingCache<VersionEntry | undefined>;
  readonly #installs: LoadingCache<readonly InstallEntry[]>;
  readonly #instances: LoadingCache<InstanceEntry | undefined>;
  readonly #listeners = new Set<Listener>();

  constructor(db: Pick<Db, 'asSystem'>, clock: Clock) {
    this.#db = db;
    const make = <V>(max: number, load: (tx: Tx, key: string) => Promise<V>): LoadingCache<V> =>
      new LoadingCache<V>({
        clock,
        max,
        load: (key) => this.#db.asSystem((tx) => load(tx, key)),
        ttlMs: (value) => (value === undefined ? absentMs : Infinity),
      });
    this.#lookups = make(lookupsMax, loadLicenceIdByLookup);
    this.#licences = make(entriesMax, loadLicence);
    this.#apps = make(entriesMax, (tx, key) => {
      const [org = '', app = ''] = key.split('/');
      return loadApp(tx, org, app);
    });
    this.#versions = make(entriesMax, (tx, key) => {
      const [appId = '', selector = ''] = key.split('@');
      return loadVersion(tx, appId, selector);
    });
    this.#installs = make(entriesMax, loadInstalls);
    this.#instances = make(instancesMax, loadInstance);
  }

  licenceIdByLookup(lookup: string): string | undefined | Promise<string | undefined> {
    return this.#lookups.get(lookup);
  }

  licence(id: string): LicenceEntry | undefined | Promise<LicenceEntry | undefined> {
    return this.#licences.get(id);
  }

  app(org: string, app: string): AppEntry | undefined | Promise<AppEntry | undefined> {
    return this.#apps.get(`${org}/${app}`);
  }

  /** @param selector name of a version or a channel */
  version(appId: string, selector: string): VersionEntry | undefined | Promise<VersionEntry | undefined> {
    return this.#versions.get(`${appId}@${selector}`);
  }

  installs(licenceId: string): readonly InstallEntry[] | Promise<readonly InstallEntry[]> {
    return this.#installs.get(licenceId);
  }

  instance(slot: string): InstanceEntry | undefined | Promise<InstanceEntry | undefined> {
    return this.#instances.get(slot);
  }

  /** dropInstance forgets where a slot runs, because what was found there contradicted it. */
  dropInstance(slot: string): void {
    this.#instances.drop(slot);
  }

  /** onChange is called after a change was applied. */
  onChange(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** apply forgets all that a change may have touched. */
  apply(change: Change): void {
    const ofOrg = (value: { readonly orgId: string } | undefined): boolean =>
      value === undefined || change.orgId === null || value.orgId === change.orgId;
    switch (change.kind) {
      case 'licence':
        this.#licences.drop(change.id);
        this.#lookups.dropWhere((licenceId) => licenceId === undefined || licenceId === change.id);
        break;
      case 'app':
        this.#apps.dropWhere(ofOrg);
        this.#versions.dropWhere(ofOrg);
        // A plan's entitlements are announced as a change of its app.
        this.#licences.dropWhere((licence) => licence?.appId === change.id);
        break;
      case 'version':
      case 'channel':
        this.#versions.dropWhere(ofOrg);
        break;
      case 'install':
      case 'cluster':
        this.#installs.dropWhere((installs) => installs.length === 0 || installs.some(ofOrg));
        break;
      case 'instance':
        this.#instances.dropWhere((instance) => instance === undefined || instance.id === change.id);
        break;
      case 'signing_key':
        break;
    }
    for (const listener of this.#listeners) listener(change);
  }

  /** clear forgets everything. */
  clear(): void {
    for (const cache of [this.#lookups, this.#licences, this.#apps, this.#versions, this.#installs, this.#instances])
      cache.clear();
  }
}
