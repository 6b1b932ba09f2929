// `npm run check`: types, formatting and lint, unused exports, import rules. All checks run, so that one run
// shows every problem; any problem makes the exit code 1.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, run } from './setup.mjs'

const ARCHITECTURE_TESTS = join('test', 'architecture')

interface Check {
  readonly name: string
  readonly command: readonly [string, ...string[]]
}

function checks(root: string): readonly Check[] {
  const tool = (name: string): string => join(root, 'node_modules', '.bin', name)
  // Biome colours letter by letter, also into files, which makes a CI log unreadable.
  const plain = process.stdout.isTTY ? [] : ['--colors=off']
  const always: readonly Check[] = [
    { name: 'types', command: [tool('tsc'), '-p', '.'] },
    { name: 'format and lint', command: [tool('biome'), 'ci', ...plain, '.'] },
    { name: 'unused exports, files and dependencies', command: [tool('knip'), '--no-progress'] },
  ]
  if (!existsSync(join(root, ARCHITECTURE_TESTS))) return always
  return [...always, { name: 'import rules', command: [tool('vitest'), 'run', ARCHITECTURE_TESTS] }]
}

async function isPassed(check: Check): Promise<boolean> {
  console.log(`claimcheck: checking ${check.name}`)
  const [command, ...args] = check.command
  const end = await run(command, args)
  return end.code === 0
}

const failed: string[] = []
for (const check of checks(ROOT)) {
  if (!(await isPassed(check))) failed.push(check.name)
}
if (failed.length > 0) {
  console.error(`claimcheck: check failed: ${failed.join(', ')}`)
  process.exitCode = 1
} else {
  console.log('claimcheck: check passed')
}
