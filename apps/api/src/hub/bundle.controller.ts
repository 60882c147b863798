import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Allow, CurrentPrincipal, type InstallPrincipal } from '@nm/features/access';
import { readVersionBundle } from '@nm/features/apps';
import { Answers } from '@nm/features/http';
import { KamaBundle } from '@nm/kernel/contracts';

@ApiTags('kama')
@Controller('v1/kama/bundle')
@Allow('install')
export class BundleController {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  @Get()
  @Answers(200, KamaBundle, 'The descriptors of the version that a request is for')
  async read(@CurrentPrincipal() { orgId, versionId }: InstallPrincipal): Promise<KamaBundle> {
    const { digest, bytes } = await readVersionBundle(this.#db, orgId, versionId);
    return { digest, bundle: Buffer.from(bytes).toString('utf8') };
  }
}
