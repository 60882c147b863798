import { Controller, Get } from '@nestjs/common';
import { kamaOpenApi } from '../contract/openapi.js';

/** What this server can be asked, for clients and their generators. It says nothing of any install, so anybody may read it. */
@Controller()
export class OpenApiController {
  @Get('openapi.json')
  document() {
    return kamaOpenApi();
  }
}
