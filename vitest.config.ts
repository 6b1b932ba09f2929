// Two workers: the suite starts real Redis servers and services, and a machine of two cores must
// not make their time limits fail.

import { defineConfig } from 'vitest/config'
import { createCountsReporter } from './scripts/vitest-counts.ts'

export default defineConfig({
  // The tool imports the client library by its name; here that means its sources.
  ssr: {
    resolve: { conditions: ['claimcheck-source', 'module', 'node', 'development|production'] },
  },
  test: {
    environment: 'node',
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // They only end what hangs. A machine that is busy with other work takes ten times as long as one that is not.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    reporters: ['default', createCountsReporter()],
  },
})
