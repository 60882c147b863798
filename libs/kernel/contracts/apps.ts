import { z } from 'zod';
import { BundleDigest } from './bundles.js';
import { UsageLimits } from './limits.js';
import { DisplayName, Id, Instant, Slug, WebAddress } from './primitives.js';

/** `kama`: manages installs of one app; `ktea`: an engine that turns values into manifests, for other apps. */
export const AppKind = z.enum(['kama', 'ktea']);
export type AppKind = z.infer<typeof AppKind>;

export const CreateApp = z
  .strictObject({ slug: Slug, name: DisplayName, kind: AppKind.default('kama') })
  .meta({ id: 'CreateApp' });
export type CreateApp = z.infer<typeof CreateApp>;

/** An origin as browsers write it: scheme and host in lower case, a port unless it is the scheme's own. */
const Origin = z
  .string()
  .max(300)
  .refine(
    (text) => URL.parse(text)?.origin === text && /^https?:/.test(text),
    'an origin, such as https://console.example.com',
  );

export const ChangeApp = z
  .strictObject({
    name: DisplayName.optional(),
    kind: AppKind.optional(),
    /** Names of apps of kind ktea that this app's licences may use too. */
    engines: z.array(Slug).max(50).optional(),
    /** Whose web pages may call the app. */
    corsOrigins: z.array(Origin).max(50).optional(),
    /** What all licences of the app may use together. */
    limits: UsageLimits.optional(),
    /** Where licensees renew; null: nowhere that they are told. */
    renewalUrl: WebAddress.nullable().optional(),
  })
  .meta({ id: 'ChangeApp' });
export type ChangeApp = z.infer<typeof ChangeApp>;

export const App = z
  .object({
    id: Id,
    slug: Slug,
    name: z.string(),
    kind: AppKind,
    engines: z.array(z.string()),
    corsOrigins: z.array(z.string()),
    limits: UsageLimits,
    renewalUrl: z.string().optional(),
    createdAt: Instant,
  })
  .meta({ id: 'App' });
export type App = z.infer<typeof App>;

/** One rule of a Role or ClusterRole (rbac.authorization.k8s.io/v1 PolicyRule); URLs are left out on purpose. */
export const RbacRule = z.strictObject({
  apiGroups: z.array(z.string().max(253)).min(1).max(20),
  resources: z.array(z.string().min(1).max(253)).min(1).max(50),
  verbs: z.array(z.string().min(1).max(63)).min(1).max(20),
  resourceNames: z.array(z.string().min(1).max(253)).max(50).optional(),
});
export type RbacRule = z.infer<typeof RbacRule>;

/** RbacPolicy is all that an install of this version may ever do on a cluster. */
export const RbacPolicy = z
  .strictObject({
    roles: z
      .array(z.strictObject({ name: Slug, rules: z.array(RbacRule).min(1).max(50) }))
      .max(20)
      .default([]),
    clusterRoles: z
      .array(z.strictObject({ name: Slug, rules: z.array(RbacRule).min(1).max(50) }))
      .max(20)
      .default([]),
  })
  .meta({ id: 'RbacPolicy' });
export type RbacPolicy = z.infer<typeof RbacPolicy>;

export const Tenancy = z.enum(['install', 'app']);
export type Tenancy = z.infer<typeof Tenancy>;

const defaultHealthPath = '/api/ping';

const isPlain = (spec: {
  readonly image?: string | undefined;
  readonly command?: readonly string[] | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly healthPath: string;
}): boolean =>
  spec.image === undefined &&
  spec.command === undefined &&
  Object.keys(spec.env).length === 0 &&
  spec.healthPath === defaultHealthPath;

/**
 * VersionSpec says how a version's KAMA is run; it never changes once created.
 * With `image`, the docker driver starts the image's own entrypoint; `command` is what the process driver starts (development).
 * Of kind `bundle`, it is descriptors without code: `bundle` names what was pushed, and a host that NMachine runs serves it, for all installs.
 */
export const VersionSpec = z
  .strictObject({
    kind: z.enum(['container', 'bundle']),
    bundle: BundleDigest.optional(),
    image: z.string().min(1).max(300).optional(),
    command: z.array(z.string().min(1).max(1000)).min(1).max(50).optional(),
    env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(4000)).default({}),
    port: z.number().int().min(1).max(65535).default(5000),
    healthPath: z.string().startsWith('/').max(200).default(defaultHealthPath),
    tenancy: Tenancy.default('install'),
    resources: z
      .strictObject({
        memoryMib: z.number().int().min(16).max(8192).default(256),
        cpuMillis: z.number().int().min(10).max(8000).default(500),
        pidsMax: z.number().int().min(8).max(4096).default(128),
      })
      .prefault({}),
    /** Seconds without a request after which the KAMA is stopped. */
    idleSeconds: z.number().int().min(5).max(86_400).default(300),
    /** Seconds in which it must answer its health path after a start. */
    startSeconds: z.number().int().min(1).max(300).default(60),
    /** True: `%2F` and `%5C` in the part of the path behind the app pass as they are; else they are refused. */
    encodedSlashes: z.boolean().optional(),
    rbac: RbacPolicy.prefault({}),
  })
  .refine((spec) => spec.kind === 'bundle' || spec.image !== undefined || spec.command !== undefined, {
    message: 'name an image or a command',
    path: ['image'],
  })
  .refine((spec) => (spec.kind === 'bundle') === (spec.bundle !== undefined), {
    message: 'a version of kind "bundle" names one by its digest, and no other version does',
    path: ['bundle'],
  })
  .refine((spec) => spec.kind !== 'bundle' || isPlain(spec), {
    message: 'a bundle is served by NMachine: it has no image, command, env or health path of its own',
    path: ['kind'],
  })
  .refine((spec) => spec.kind !== 'bundle' || spec.tenancy === 'app', {
    message: 'a bundle serves every install: say "app"',
    path: ['tenancy'],
  })
  .refine(
    (spec) => Object.keys(spec.env).every((name) => !name.startsWith('NM_') && name !== 'PORT' && name !== 'HOST'),
    {
      message: 'NM_*, PORT and HOST are set by NMachine',
      path: ['env'],
    },
  )
  .meta({ id: 'VersionSpec' });
export type VersionSpec = z.infer<typeof VersionSpec>;

export const CreateVersion = z.strictObject({ name: Slug, spec: VersionSpec }).meta({ id: 'CreateVersion' });
export type CreateVersion = z.infer<typeof CreateVersion>;

export const VersionState = z.enum(['draft', 'published', 'yanked']);
export type VersionState = z.infer<typeof VersionState>;

export const Version = z
  .object({
    id: Id,
    name: Slug,
    state: VersionState,
    digest: z.string(),
    spec: VersionSpec,
    createdAt: Instant,
    publishedAt: Instant.optional(),
  })
  .meta({ id: 'Version' });
export type Version = z.infer<typeof Version>;

/** The channel that a request without a version uses. */
export const defaultChannel = 'stable';

/** SetChannel points a channel to a version; with `next`, a share of the licences gets another one already. */
export const SetChannel = z
  .strictObject({
    version: Slug,
    next: z.strictObject({ version: Slug, percent: z.number().int().min(0).max(100) }).optional(),
  })
  .meta({ id: 'SetChannel' });
export type SetChannel = z.infer<typeof SetChannel>;

export const Channel = z
  .object({
    name: Slug,
    version: Slug,
    /** A rollout: so many percent of the licences get this version already. */
    next: z.object({ version: Slug, percent: z.number().int() }).optional(),
    updatedAt: Instant,
  })
  .meta({ id: 'Channel' });
export type Channel = z.infer<typeof Channel>;

export const InstanceView = z
  .object({
    id: Id,
    version: z.string(),
    installId: Id.optional(),
    desired: z.enum(['running', 'stopped']),
    observed: z.enum(['stopped', 'starting', 'ready', 'crashed']),
    driver: z.string().optional(),
    restarts: z.number().int(),
    message: z.string().optional(),
    startedAt: Instant.optional(),
    readyAt: Instant.optional(),
    lastUsedAt: Instant.optional(),
  })
  .meta({ id: 'Instance' });
export type InstanceView = z.infer<typeof InstanceView>;
