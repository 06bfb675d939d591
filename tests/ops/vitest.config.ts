import { defineConfig } from 'vitest/config';

/** What is handed to other programs, tried by them; `npm run test:ops` sees to it that they are there. */
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
