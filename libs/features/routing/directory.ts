import type { Change, Db, Tx } from '@nm/adapters/db';
import { licenceIdOfUser, loadIssuers, type OidcUser, type TrustedIssuer } from '@nm/features/access';
import type { Clock } from '@nm/kernel/time';
import type {
  AppEntry,
  InstallEntry,
  InstallTokenEntry,
  InstanceEntry,
  LicenceEntry,
  Selection,
  SessionEntry,
} from './entries.js';
import {
  loadApp,
  loadInstalls,
  loadInstallToken,
  loadInstance,
  loadLicence,
  loadLicenceIdByLookup,
  loadSelection,
  loadSession,
} from './load-entries.js';
import { LoadingCache } from './loading-cache.js';

/** Bounds of memory: an entry is about 1 KB. */
const entriesMax = 150_000;
/** What does not exist is remembered briefly: strangers choose these keys. */
const absentMs = 2_000;
const lookupsMax = 150_000;

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
  readonly #selections: LoadingCache<Selection | undefined>;
  readonly #installs: LoadingCache<readonly InstallEntry[]>;
  readonly #sessions: LoadingCache<SessionEntry | undefined>;
  readonly #issuers: LoadingCache<readonly TrustedIssuer[]>;
  readonly #instances: LoadingCache<InstanceEntry | undefined>;
  readonly #installTokens: LoadingCache<InstallTokenEntry | undefined>;
  readonly #listeners = new Set<Listener>();
  #version = 0;

  constructor(db: Pick<Db, 'asSystem'>, clock: Clock) {
    this.#db = db;
    const make = <V>(
      max: number,
      load: (tx: Tx, key: string) => Promise<V>,
      groupOf: (value: V, key: string) => string | undefined,
    ): LoadingCache<V> =>
      new LoadingCache<V>({
        clock,
        max,
        load: (key) => this.#db.asSystem((tx) => load(tx, key)),
        ttlMs: (value) => (value === undefined ? absentMs : Infinity),
        groupOf,
      });
    this.#lookups = make(lookupsMax, loadLicenceIdByLookup, (licenceId) => licenceId);
    this.#licences = make(entriesMax, loadLicence, (licence) => licence?.appId);
    this.#apps = make(entriesMax, loadApp, (app) => app?.orgId);
    this.#selections = make(entriesMax, (tx, key) => loadSelection(tx, ...splitSelectionKey(key)), orgOfKey);
    this.#installs = make(entriesMax, (tx, key) => loadInstalls(tx, key.slice(key.indexOf('/') + 1)), orgOfKey);
    this.#sessions = make(entriesMax, loadSession, (session) => session?.licenceId);
    this.#issuers = make(entriesMax, loadIssuers, () => undefined);
    this.#instances = make(entriesMax, loadInstance, (instance) => instance?.id);
    this.#installTokens = make(entriesMax, loadInstallToken, (token) => token?.instanceId);
  }

  /** version is another number after anything was forgotten: what was concluded from entries holds as long as it stays. */
  get version(): number {
    return this.#version;
  }

  licenceIdByLookup(lookup: string): string | undefined | Promise<string | undefined> {
    return this.#lookups.get(lookup);
  }

  licence(id: string): LicenceEntry | undefined | Promise<LicenceEntry | undefined> {
    return this.#licences.get(id);
  }

  /** @param path `org/app` */
  app(path: string): AppEntry | undefined | Promise<AppEntry | undefined> {
    return this.#apps.get(path);
  }

  /** @param selector name of a version or a channel */
  selection(app: AppEntry, selector: string): Selection | undefined | Promise<Selection | undefined> {
    return this.#selections.get(`${app.orgId}/${app.id}@${selector}`);
  }

  installs(licence: LicenceEntry): readonly InstallEntry[] | Promise<readonly InstallEntry[]> {
    return this.#installs.get(`${licence.orgId}/${licence.id}`);
  }

  session(id: string): SessionEntry | undefined | Promise<SessionEntry | undefined> {
    return this.#sessions.get(id);
  }

  /** Who may vouch for users of an organisation's apps. */
  issuers(orgId: string): readonly TrustedIssuer[] | Promise<readonly TrustedIssuer[]> {
    return this.#issuers.get(orgId);
  }

  /** licenceOfUser asks the store: whoever asks keeps the answer. */
  licenceOfUser(user: OidcUser, appId: string): Promise<string | undefined> {
    return this.#db.asSystem((tx) => licenceIdOfUser(tx, user, appId));
  }

  instance(slot: string): InstanceEntry | undefined | Promise<InstanceEntry | undefined> {
    return this.#instances.get(slot);
  }

  /** What a token for the cluster proxy is still worth. */
  installToken(id: string): InstallTokenEntry | undefined | Promise<InstallTokenEntry | undefined> {
    return this.#installTokens.get(id);
  }

  /** dropInstance forgets where a slot runs, because what was found there contradicted it. */
  dropInstance(slot: string): void {
    this.#version++;
    this.#instances.drop(slot);
  }

  /** onChange is called after a change was applied. */
  onChange(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** apply forgets all that a change may have touched, and nothing of another organisation. */
  apply(change: Change): void {
    this.#version++;
    const orgId = change.orgId ?? '';
    switch (change.kind) {
      case 'licence':
        this.#licences.drop(change.id);
        this.#lookups.dropGroup(change.id);
        break;
      case 'app':
        this.#apps.dropGroup(orgId);
        this.#selections.dropGroup(orgId);
        // A plan's entitlements are announced as a change of its app.
        this.#licences.dropGroup(change.id);
        break;
      case 'version':
      case 'channel':
        this.#selections.dropGroup(orgId);
        break;
      case 'install':
      case 'cluster':
        this.#installs.dropGroup(orgId);
        break;
      case 'instance':
        this.#instances.dropGroup(change.id);
        this.#installTokens.dropGroup(change.id);
        break;
      case 'install_token':
        this.#installTokens.drop(change.id);
        break;
      case 'rules':
      case 'org':
        this.#apps.dropGroup(orgId);
        break;
      case 'session':
        this.#sessions.drop(change.id);
        break;
      case 'issuer':
        this.#issuers.drop(orgId);
        break;
      case 'signing_key':
        break;
    }
    for (const listener of this.#listeners) listener(change);
  }

  /** clear forgets everything. */
  clear(): void {
    this.#version++;
    for (const cache of [this.#lookups, this.#licences, this.#apps, this.#selections]) cache.clear();
    for (const cache of [this.#installs, this.#sessions, this.#issuers, this.#instances]) cache.clear();
    this.#installTokens.clear();
  }
}

/** Keys of what an organisation owns begin with its id, so that even what is absent belongs to a group. */
const orgOfKey = (_value: unknown, key: string): string => key.slice(0, key.indexOf('/'));

function splitSelectionKey(key: string): [appId: string, selector: string] {
  const at = key.indexOf('@');
  return [key.slice(key.indexOf('/') + 1, at), key.slice(at + 1)];
}
