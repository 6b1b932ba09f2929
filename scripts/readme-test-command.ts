// Prints the test command that README.md shows, so that CI runs what a newcomer types.
// There is no fallback: a README that shows no test command is a failure of CI.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './setup.mjs'

/** The first command in a fenced block that runs tests, without prompt sign and comment. */
export function findTestCommand(markdown: string): string | undefined {
  let isFenced = false
  for (const line of markdown.split(/\r?\n/)) {
    if (/^\s*(```|~~~)/.test(line)) isFenced = !isFenced
    else if (isFenced) {
      const command = line
        .replace(/^\s*\$?\s*/, '')
        .replace(/(^|\s+)#.*$/, '')
        .trim()
      if (/^npm (run )?test\b/.test(command)) return command
    }
  }
  return undefined
}

if (import.meta.main) {
  let command: string | undefined
  try {
    command = findTestCommand(readFileSync(join(ROOT, 'README.md'), 'utf8'))
  } catch {
    // A missing README is a README without a test command.
  }
  if (command === undefined) {
    console.error('claimcheck: README.md shows no test command (npm test in a fenced block)')
    process.exitCode = 1
  } else {
    console.log(command)
  }
}
