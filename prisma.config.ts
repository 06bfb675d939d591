import { defineConfig } from 'prisma/config';

// The migrations are applied by Prisma's engine as WebAssembly (src/platform/migrations.ts), so the
// CLI only generates the client and never needs its native engine. Naming any existing file here keeps
// it from downloading one, which also lets `npm ci` pass on machines that reach nothing but the registry.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath;

export default defineConfig({ schema: 'prisma/schema.prisma' });
