// A vitest reporter that writes the counts of a run to the file that CLAIMCHECK_TEST_COUNTS names,
// for scripts/test.ts. It prints nothing.
//
// A test file that fails to load counts as one failure: it holds tests that were not run.

import { writeFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

export interface TestCounts {
  readonly passed: number
  readonly failed: number
}

export function countTests(modules: readonly TestModule[], unhandledErrors: number): TestCounts {
  let passed = 0
  let failed = unhandledErrors
  for (const module of modules) {
    failed += module.errors().length
    for (const suite of module.children.allSuites()) failed += suite.errors().length
    for (const test of module.children.allTests()) {
      if (test.result().state === 'passed') passed += 1
      if (test.result().state === 'failed') failed += 1
    }
  }
  return { passed, failed }
}

export function createCountsReporter(): Reporter {
  return {
    onTestRunEnd(modules, unhandledErrors) {
      const path = process.env.CLAIMCHECK_TEST_COUNTS
      if (path === undefined) return
      writeFileSync(path, JSON.stringify(countTests(modules, unhandledErrors.length)))
    },
  }
}
