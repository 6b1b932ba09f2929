// `node scripts/run.mjs NAME [ARGUMENTS]`: what the commands of package.json call. It runs one program of this checkout on
// the pinned Node 24, after setup.mjs has installed what is missing.

import { handOver } from './setup.mjs'

/** The program of each command; paths from the root of the checkout. */
const PROGRAMS = {
  start: 'scripts/start.ts',
  test: 'scripts/test.ts',
  check: 'scripts/check.ts',
  build: 'scripts/build-client.ts',
  'build:cli': 'scripts/build-cli.ts',
  'docs:cli': 'scripts/cli-reference.ts',
  'check:package': 'scripts/check-package.ts',
  'demo:freshness': 'scripts/demo-freshness.ts',
  'measure:revocations': 'scripts/measure-revocations.ts',
  bench: 'bench/main.ts',
  example: 'examples/grade-book/main.ts',
  'example watch': 'examples/grade-book/watch.ts',
  'example roles': 'examples/grade-book/roles.ts',
}

const [first = '', second, ...rest] = process.argv.slice(2)
const part = `${first} ${second}`
if (part in PROGRAMS) {
  await handOver(PROGRAMS[part], rest)
} else if (first in PROGRAMS) {
  await handOver(PROGRAMS[first], second === undefined ? [] : [second, ...rest])
} else {
  console.error(
    `claimcheck: there is no program "${first}". Use one of: ${Object.keys(PROGRAMS).join(', ')}.`,
  )
  process.exitCode = 1
}
