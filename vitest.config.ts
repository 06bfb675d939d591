import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.{ts,tsx}'],
    globalSetup: 'tests/harness/template.ts',
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
