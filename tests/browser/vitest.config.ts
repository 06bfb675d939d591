import { defineConfig } from 'vitest/config';

/** What needs a browser and SpamAssassin; `npm run test:browser` sees to both. */
export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', development: false } },
  test: {
    include: ['tests/browser/**/*.test.ts'],
    globalSetup: ['tests/harness/template.ts', 'tests/browser/chromium.ts'],
    env: { NODE_ENV: 'production' },
    isolate: false,
    maxWorkers: '100%',
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
