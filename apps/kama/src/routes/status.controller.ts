import { Body, Controller, Get, HttpCode, Patch, Post } from '@nestjs/common';
import { isFault } from '@nm/kernel/fault';
import { OpenVisit, type Visit } from '../server/visit.js';

/** Whether the server answers, and how it stands with the install. The health path checks nothing: it is what a wake waits for. */
@Controller('api')
export class StatusController {
  @Get('ping')
  ping() {
    return { ping: 'pong' };
  }

  /** How bodies are understood. */
  @Post('echo')
  @HttpCode(200)
  echo(@Body() body: unknown) {
    return { data: { std_parse: body } };
  }

  @Patch('echo')
  echoPatch(@Body() body: unknown) {
    return this.echo(body);
  }

  @Get('status')
  async status(@OpenVisit() visit: Visit) {
    const { app, bundle } = visit;
    const connection = await connectionOf(visit);
    return {
      sanity: '2',
      app_id: app.id,
      publisher_identifier: app.org,
      app_identifier: app.name,
      version: app.version,
      bundle_digest: bundle.digest,
      is_healthy: connection.is_k8kat_connected,
      install_id: visit.install.id,
      ns: visit.install.namespace,
      may_write: visit.install.mayWrite,
      cluster_connection: connection,
    };
  }
}

/** It never tells how a cluster is reached. */
async function connectionOf({ install }: Visit): Promise<{ is_k8kat_connected: boolean; reason: string | null }> {
  try {
    await install.kamafile.read('app');
    return { is_k8kat_connected: true, reason: null };
  } catch (error) {
    if (!isFault(error)) throw error;
    return { is_k8kat_connected: false, reason: error.publicMessage };
  }
}
