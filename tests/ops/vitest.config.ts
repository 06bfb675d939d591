import { defineConfig } from 'vitest/config';

/** What those on call look at; `npm run test:ops` sees to what it needs. */
export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', development: false } },
  test: {
    include: ['tests/ops/**/*.test.ts'],
    globalSetup: 'tests/harness/template.ts',
    env: { NODE_ENV: 'production' },
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
