import { defineConfig } from 'vitest/config';

/** Attacks with the tools of attackers, and a flood; `npm run test:security` sees to what they need. */
export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', development: false } },
  test: {
    include: ['tests/security/**/*.test.ts'],
    globalSetup: 'tests/harness/template.ts',
    env: { NODE_ENV: 'production' },
    // One after the other: each is about what a Footnote does while somebody wants it down.
    fileParallelism: false,
    testTimeout: 200_000,
    hookTimeout: 60_000,
  },
});
