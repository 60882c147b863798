import { Body, Controller, Get, Inject, Param, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Vault } from '@nm/adapters/vault';
import { Allow, CurrentPrincipal, type InstallPrincipal } from '@nm/features/access';
import { Answers } from '@nm/features/http';
import { type DocumentDeps, readDocument, writeDocument } from '@nm/features/hub';
import { KamaDocument, KamaDocumentName, WriteKamaDocument } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import { CLOCK } from '../platform/tokens.js';

@ApiTags('kama')
@Controller('v1/kama/documents')
@Allow('install')
export class DocumentsController {
  readonly #deps: DocumentDeps;

  constructor(db: Db, vault: Vault, @Inject(CLOCK) clock: Clock) {
    this.#deps = { db, vault, clock };
  }

  @Get(':name')
  @Answers(200, KamaDocument, 'What a KAMA remembers of this install')
  read(
    @CurrentPrincipal() principal: InstallPrincipal,
    @Param('name', { schema: KamaDocumentName }) name: string,
  ): Promise<KamaDocument> {
    return readDocument(this.#deps, principal, name);
  }

  @Put(':name')
  @Answers(200, KamaDocument, 'Remember something of this install until it ends')
  write(
    @CurrentPrincipal() principal: InstallPrincipal,
    @Param('name', { schema: KamaDocumentName }) name: string,
    @Body({ schema: WriteKamaDocument }) body: WriteKamaDocument,
  ): Promise<KamaDocument> {
    return writeDocument(this.#deps, principal, name, body);
  }
}
