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

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', development: false } },
  test: {
    include: ['tests/**/*.test.{ts,tsx}'],
    // They need a browser, the tools of attackers, or Prometheus': npm run test:browser, test:security, test:ops.
    exclude: [...configDefaults.exclude, 'tests/browser/**', 'tests/security/**', 'tests/ops/**'],
    globalSetup: 'tests/harness/template.ts',
    // React as readers get it; its other build is several times slower.
    env: { NODE_ENV: 'production' },
    // Every file starts what it needs itself, so the modules may be shared and every core used.
    isolate: false,
    maxWorkers: '100%',
    sequence: { sequencer: JourneysFirst },
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
