import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Allow, CurrentOrg, Needs, type OrgAccess } from '@nm/features/access';
import { readBundle, storeBundle } from '@nm/features/apps';
import { Answers } from '@nm/features/http';
import { CompileThread } from '@nm/kama-sdk/compile';
import { Bundle, BundleDigest, bundleMediaType } from '@nm/kernel/contracts';
import { bundleView, requireBytes } from './bundle-view.js';
import { vetBundle } from './vet-bundle.js';

@ApiTags('versions')
@Controller('v1/orgs/:org/bundles')
@Allow('publisher')
export class BundlesController {
  readonly #db: Db;
  readonly #compiler: CompileThread;

  constructor(db: Db, compiler: CompileThread) {
    this.#db = db;
    this.#compiler = compiler;
  }

  @Put(':digest')
  @Needs('apps.write')
  @ApiConsumes(bundleMediaType)
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @Answers(200, Bundle, 'Push a packed bundle; versions name it by its digest')
  async push(
    @CurrentOrg() org: OrgAccess,
    @Param('digest', { schema: BundleDigest }) digest: string,
    @Body() body: unknown,
  ): Promise<Bundle> {
    const bytes = requireBytes(body);
    const vetted = await vetBundle(this.#compiler, bytes, digest);
    return bundleView(await storeBundle(this.#db, org.id, { ...vetted, bytes }), vetted.warnings);
  }

  @Get(':digest')
  @Needs('apps.read')
  @Answers(200, Bundle, 'A bundle that was pushed')
  async read(@CurrentOrg() org: OrgAccess, @Param('digest', { schema: BundleDigest }) digest: string): Promise<Bundle> {
    return bundleView(await readBundle(this.#db, org.id, digest), []);
  }
}
