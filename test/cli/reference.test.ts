/** docs/cli.md is what the commands say of themselves; every command explains itself with examples; completions know all. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { examplesOf } from '../../cli/src/command.ts'
import { completionScript, SHELLS } from '../../cli/src/completion-script.ts'
import { createProgram } from '../../cli/src/program.ts'
import { cliReference, REFERENCE_PATH } from '../../scripts/cli-reference.ts'

const program = createProgram({ perform: async () => undefined, nowMs: () => 0, version: 'test' })

function allOf(command: Command, path: string): readonly (readonly [string, Command])[] {
  const children = command.commands.flatMap((child) =>
    allOf(child, `${path} ${child.name()}`.trim()),
  )
  return path === '' ? children : [[path, command], ...children]
}

const commands = allOf(program, '')

describe('docs/cli.md', () => {
  it('is current (npm run docs:cli writes it)', () => {
    expect(readFileSync(REFERENCE_PATH, 'utf8')).toBe(cliReference())
  })
})

describe('claimcheck', () => {
  it.each(commands)('%s has a summary and examples that it would understand', (path, command) => {
    expect(command.summary()).not.toBe('')
    const examples = examplesOf(command)
    expect(examples.length).toBeGreaterThan(0)
    expect(command.helpInformation().length).toBeGreaterThan(0)
    for (const [line] of examples)
      expect(line).toMatch(new RegExp(`claimcheck ${path.split(' ')[0]}\\b`))
  })

  it('documents only options that there are', () => {
    const known = new Set(
      [program, ...commands.map(([, command]) => command)].flatMap(({ options }) =>
        options.map(({ long }) => long),
      ),
    )
    const texts = commands.flatMap(([, command]) => [
      command.description(),
      ...examplesOf(command).flat(),
    ])
    const named = texts.flatMap((text) => text.match(/(?<![\w-])--[a-z][a-z-]*/g) ?? [])
    expect(named.filter((flag) => !known.has(flag) && flag !== '--help')).toEqual([])
  })
})

describe('a completion', () => {
  it.each(SHELLS)('for %s knows every command and option', (shell) => {
    const script = completionScript(program, shell)
    for (const [path, command] of commands) {
      expect(script).toContain(path.split(' ').at(-1))
      for (const { long } of command.options) expect(script).toContain(long?.slice(2))
    }
  })

  it.each([
    ['claimcheck rev', 1, ['revoke']],
    ['claimcheck token ', 2, ['issue', 'introspect', 'explain', 'revoke']],
    ['claimcheck --json session k', 3, ['kill']],
    ['claimcheck revoke --sub', 2, ['--subject']],
    ['claimcheck role schema p', 3, ['put']],
  ])('for bash completes "%s"', (line, word, expected) => {
    const words = line.split(' ').map((part) => `'${part}'`)
    const ask = `COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${word}; _claimcheck; printf '%s\\n' "\${COMPREPLY[@]}"`
    const script = `${completionScript(program, 'bash')}\n${ask}`
    const answer = execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n')
    expect(answer.filter((one) => !one.startsWith('--') || expected.includes(one))).toEqual(
      expected,
    )
  })
})
