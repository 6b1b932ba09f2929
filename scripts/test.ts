// `npm test`: makes sure a redis-server binary exists, runs vitest with the arguments given and ends
// with the line `N passed, N failed`, which CI reads.
//
// Test files start private Redis servers from the binary, and stop them.
// A run without a single test is a failure: a wrong filter must not look green.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { redisServerBinary } from './redis-binary.ts'
import { ROOT, run } from './setup.mjs'
import type { TestCounts } from './vitest-counts.ts'

const SIGNAL_EXIT = 130

/** The exit code of the run and its closing line, from vitest's counts. */
export function judge(
  counts: TestCounts,
  vitestCode: number,
): { readonly line: string; readonly code: number } {
  const { passed, failed } = counts
  const line = `${passed} passed, ${failed} failed`
  if (passed + failed === 0) return { line: `no test ran\n${line}`, code: vitestCode || 1 }
  if (failed > 0) return { line, code: vitestCode || 1 }
  if (vitestCode === 0) return { line, code: 0 }
  return { line: `${line}\nvitest itself failed, exit code ${vitestCode}`, code: vitestCode }
}

async function main(args: readonly string[]): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), 'claimcheck-test-'))
  const countsPath = join(scratch, 'counts.json')
  try {
    const env = {
      ...process.env,
      CLAIMCHECK_TEST_REDIS_SERVER: await redisServerBinary(),
      CLAIMCHECK_TEST_COUNTS: countsPath,
    }
    const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs')
    const end = await run(process.execPath, [vitest, 'run', ...args], { env })
    const code = end.code ?? SIGNAL_EXIT
    // A reporter chosen on the command line replaces ours and prints its results.
    if (!existsSync(countsPath)) return code
    const verdict = judge(JSON.parse(readFileSync(countsPath, 'utf8')) as TestCounts, code)
    console.log(verdict.line)
    return verdict.code
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2))
  } catch (error) {
    console.error(`claimcheck: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}
