import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The journeys first: they wait for other processes, while the rest computes. */
class JourneysFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isJourney = ({ moduleId }: TestSpecification) => moduleId.includes('/journeys/');
    const sorted = await super.sort(files);
    return [...sorted.filter(isJourney), ...sorted.filter((file) => !isJourney(file))];
  }
}

/** These never meet a database: to run them on another one would tell nothing new. */
const withoutDatabase = [
  'tests/admin/import/**',
  'tests/attacks/{every-row,regular-expressions,supply-chain}.test.ts',
  'tests/emails/**',
  'tests/languages/**',
  'tests/mailchimp/{client,member,refusals}.test.ts',
  'tests/platform/{csv,embedded,gather}.test.ts',
  'tests/sandbox/**',
  'tests/site/**',
  'tests/subscribing/{address,caps,decide,imports,over-there,owner,rules}.test.ts',
];
const onPostgres = process.env['TEST_DATABASE_URL'] !== undefined;

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', development: false } },
  test: {
    include: ['tests/**/*.test.{ts,tsx}'],
    // They need a browser, the tools of attackers or of operators: npm run test:browser, test:security, test:ops.
    exclude: [
      ...configDefaults.exclude,
      'tests/browser/**',
      'tests/security/**',
      'tests/ops/**',
      ...(onPostgres ? withoutDatabase : []),
    ],
    globalSetup: 'tests/harness/template.ts',
    // React as readers get it; its other build is several times slower.
    env: { NODE_ENV: 'production' },
    // Every file starts what it needs itself, so the modules may be shared and every core used.
    isolate: false,
    maxWorkers: '100%',
    sequence: { sequencer: JourneysFirst },
    // A test that hangs is to end one day; how busy the machine is, is no fault of its.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 40_000 } },
  },
});
