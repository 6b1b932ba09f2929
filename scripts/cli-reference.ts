// `npm run docs:cli`: writes docs/cli.md, the reference of the operator's tool, from its commands. A test compares the file
// with what this would write.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command, Option } from 'commander'
import { examplesOf, explanationOf } from '../cli/src/command.ts'
import { createProgram } from '../cli/src/program.ts'
import { ROOT } from './setup.mjs'

/** The path of the reference. */
export const REFERENCE_PATH: string = join(ROOT, 'docs', 'cli.md')

const INTRODUCTION = `# The command line: \`claimcheck\`

<!-- Written by \`npm run docs:cli\` from the commands themselves; do not edit. -->

Run \`npx claimcheck\` in this repository (while \`npm start\` runs it needs no settings), or install the package
\`claimcheck\` alone. It speaks HTTP to the admin API and to introspection, and never touches Redis.

## Profiles

A profile names an installation and the client that the tool uses there. The first of these that exists is used:

1. \`--profile NAME\`
2. \`CLAIMCHECK_PROFILE\`
3. with \`--issuer URL\`, the profile of that issuer
4. \`.claimcheck/dev.json\` of \`npm start\` (the profile \`dev\`), found from the working directory upwards, if its issuer is on
   this machine
5. the stored profile \`default\`
6. the only stored profile

\`claimcheck login\` stores a profile in \`$XDG_CONFIG_HOME/claimcheck/profiles\` (by default below \`~/.config\`), with mode
0600. A secret is sent only to the issuer of its profile, and only over https or to this machine. Access tokens stay in
memory.

## Tokens and secrets

Tokens and secrets are read from standard input or a file, or you type them and they are not shown. A token on the command
line is refused before anything is sent: other users of the machine can see it, and shells keep it. Only \`token issue\`
shows a token, and only \`client rotate-secret\` shows a secret; both can write a file of mode 0600 instead.

## Times

A span (\`90s\`, \`30m\`, \`2h\`, \`7d\`, \`1w\`) means ago; for \`role assign --until\` it means from now. Other times are ISO 8601
with a zone (\`2026-05-01T03:00:00Z\`, \`…+02:00\`) or epoch seconds. Times are shown in UTC and can be used as option values.

## Output

Results go to standard output; questions, progress and notes go to standard error. Tables fit the terminal, and ids are never
cut. Colours are used only on a terminal, not with \`NO_COLOR\` or \`TERM=dumb\`, and only repeat what the words say. Control
characters from a server are shown as escapes. Errors are sentences on standard error, with \`--json\` too; programs look at
the exit code.

With \`--json\` a command writes one JSON document, with the names of the [HTTP API](http-api.md):

| Command | Document |
|---|---|
| \`session list\`, \`role list\`, \`role who\`, \`client list\`, \`audit\` | \`{sessions\\|roles\\|subjects\\|clients\\|records: […], has_more}\` |
| \`revoke\`, \`session kill\` | \`{dry_run, revocations: [the API's answers], failures: [{…target, detail}]}\` |
| \`subject show\` | the subject, and \`sessions\`, \`grants\`, \`roles\`, \`changes\`: \`{items, has_more, problem?}\` |
| \`status\` | \`{profile, issuer, introspect, operator}\`; a service is \`{url, state, checks, answer_ms, version?, node?}\` |
| all others | the API's answer |

Streams are JSON lines:

| Command | Lines |
|---|---|
| \`audit --follow\` | audit records |
| \`feed tail\` | \`{at, partition, epoch, seq, event}\` |
| \`revoke --token\`, \`revoke --from-file\`, \`token revoke\` | \`{type: "token", number, outcome\\|error, …}\`; last \`{type: "summary", dry_run, found, live, already_void, spared, unknown, failed, subjects}\` |
| \`role import\` | \`{type: "error", line, error, detail}\`; last \`{type: "summary", …}\` |

## Confirmation

A command that affects more than one session, the role schema or secrets in use says what it would do, and asks first. \`--all\` needs a number as the answer;
\`revoke --client\`, \`client disable\` and \`client delete\` need the client's id. \`--yes\` confirms beforehand. Without \`--yes\` and
without a terminal nothing is sent, and the exit code is 2.

## Long work

\`role import\` and \`revoke --from-file\` take files of any size in constant memory. When Ctrl-C or a lost connection stops
them, they say how far they came. The same command resumes there; \`--from-start\` starts over. The position and the counts
are kept in \`$XDG_STATE_HOME/claimcheck/resume\` (by default below \`~/.local/state\`). Every line is idempotent.

## Exit codes

| Code | Meaning |
|---|---|
| 0 | done |
| 1 | refused by the server, or not confirmed |
| 2 | the command line, a file or a profile is invalid; nothing was sent |
| 3 | no usable answer: unreachable, too slow, overloaded, or not a Claimcheck server; repeat the command |
| 130 | stopped by Ctrl-C |
| 141 | standard output was closed; changes that had begun were finished |

## Commands
`

/** The whole reference. */
export function cliReference(): string {
  const program = createProgram({ perform: async () => undefined, nowMs: () => 0, version: '' })
  const global = program.options.filter(({ long }) => long !== '--version')
  return [
    INTRODUCTION,
    'Every command takes:\n',
    optionTable(global),
    ...program.commands.flatMap((command) => sectionsOf(command, 'claimcheck')),
  ]
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
}

function sectionsOf(command: Command, parent: string): readonly string[] {
  const name = `${parent} ${command.name()}`
  if (command.commands.length > 0) {
    const verbs = command.commands.flatMap((verb) => sectionsOf(verb, name))
    return parent === 'claimcheck' ? [`\n### ${name}: ${command.summary()}`, ...verbs] : verbs
  }
  const level = parent === 'claimcheck' ? '###' : '####'
  const { summary = '', details = [] } = explanationOf(command) ?? {}
  const args = command.registeredArguments.map((argument) =>
    argument.required
      ? `<${argument.name()}${argument.variadic ? '...' : ''}>`
      : `[${argument.name()}]`,
  )
  const examples = examplesOf(command).map(([line, does]) => `# ${does}\n${line}`)
  return [
    `\n${level} ${name}\n`,
    `\`${[name, ...args, '[options]'].join(' ')}\`: ${summary}.\n`,
    ...details.map((paragraph) => `${paragraph}\n`),
    ...(command.options.length === 0 ? [] : [optionTable(command.options)]),
    `\`\`\`sh\n${examples.join('\n')}\n\`\`\`\n`,
  ]
}

function optionTable(options: readonly Option[]): string {
  const rows = options.map(({ flags, description, mandatory, defaultValue, argChoices }) => {
    const notes = [
      mandatory ? 'required' : '',
      argChoices === undefined ? '' : `one of ${argChoices.join(', ')}`,
      defaultValue === undefined ? '' : `default: ${defaultValue}`,
    ].filter((note) => note !== '')
    const note = notes.length === 0 ? '' : ` (${notes.join('; ')})`
    return `| \`${flags}\` | ${cell(description)}${note} |`
  })
  return `| Option | |\n|---|---|\n${rows.join('\n')}\n`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*')
}

if (import.meta.main) await writeFile(REFERENCE_PATH, cliReference())
