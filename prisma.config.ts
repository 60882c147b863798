import { defineConfig } from 'prisma/config';

/** Only `prisma generate` reads this; migrations are run by tools/migrate. */
const config = defineConfig({ schema: 'prisma/schema.prisma', migrations: { path: 'prisma/migrations' } });
export default config;
