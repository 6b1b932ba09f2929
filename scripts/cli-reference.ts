// `npm run docs:cli`: writes docs/cli.md, the reference of the operator's tool, from its commands. A test compares the file
// with what this would write.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command, Option } from 'commander'
import { examplesOf, explanationOf } from '../cli/src/command.ts'
import { createProgram } from '../cli/src/program.ts'
import { ROOT } from './setup.mjs'

/** Where the reference is. */
export const REFERENCE_PATH: string = join(ROOT, 'docs', 'cli.md')

const INTRODUCTION = `# The command line: \`claimcheck\`

<!-- Written by \`npm run docs:cli\` from the commands themselves; do not edit. -->

\`npx claimcheck\` in this repository (with \`npm start\` running it needs no setting), or the package \`claimcheck\` alone. It
speaks HTTP to the admin API and to introspection, and never touches Redis.

## Profiles

Which installation, and as whom, in this order: \`--profile NAME\`; \`CLAIMCHECK_PROFILE\`; with \`--issuer URL\` the profile
of that issuer; \`.claimcheck/dev.json\` of \`npm start\`, found from the working directory upwards, if its issuer is on this
machine (the profile \`dev\`); the stored profile \`default\`; the only stored one. \`claimcheck login\` stores one in
\`$XDG_CONFIG_HOME/claimcheck/profiles\` (\`~/.config\`), mode 0600. A secret is sent to the issuer of its profile and nowhere
else, over https or to this machine. Tokens are kept in memory alone.

## Tokens and secrets

Tokens and secrets are read from standard input, from a file, or typed without being shown. A token among the arguments is
refused before anything is sent: other users of the machine can see arguments, and shells keep them. No token is ever shown,
save by \`token issue\`; no secret, save by \`client rotate-secret\`; both can write a file of mode 0600 instead.

## Times

A span (\`90s\`, \`30m\`, \`2h\`, \`7d\`, \`1w\`: ago, or ahead for \`--until\` of an assignment), ISO 8601 with a zone
(\`2026-05-01T03:00:00Z\`, \`…+02:00\`), or epoch seconds. What is shown is UTC and can be typed back.

## Output

Results go to standard output; questions, progress and remarks to standard error. Tables fit the terminal, ids are never cut;
colours only on a terminal, not with \`NO_COLOR\` or \`TERM=dumb\`, and never as the only sign. Control characters in what a
server sends are shown as escapes. Errors are sentences on standard error, with \`--json\` too; the exit code tells them apart.

With \`--json\` a command writes one JSON document; the names are those of the [HTTP API](http-api.md):

| Command | Document |
|---|---|
| \`session list\`, \`role list\`, \`role who\`, \`client list\`, \`audit\` | \`{sessions\\|roles\\|subjects\\|clients\\|records: […], has_more}\` |
| \`revoke\`, \`session kill\` | \`{dry_run, revocations: [the API's answers], failures: [{…target, detail}]}\` |
| \`subject show\` | the subject, and \`sessions\`, \`grants\`, \`roles\`, \`changes\`: \`{items, has_more, problem?}\` |
| \`status\` | \`{profile, issuer, introspect, operator}\`; a service is \`{url, state, checks, answer_ms, version?, node?}\` |
| all others | the API's answer |

Streams are JSON lines: \`audit --follow\` (records), \`feed tail\` (\`{at, partition, epoch, seq, event}\`), tokens taken back
from a file or pipe (\`{type: "token", number, outcome|error, …}\`, last \`{type: "summary", dry_run, found, live, already_void,
spared, unknown, failed, subjects}\`), \`role import\` (\`{type: "error", line, error, detail}\`, last \`{type: "summary", …}\`).

## Confirmation

Whatever is wider than one session asks first, and says what it would hit. \`--all\` and clients want a number or a name typed.
\`--yes\` is the answer beforehand; without it and without a terminal nothing is sent, and the exit code is 2.

## Long work

\`role import\` and \`revoke --from-file\` take files of any size in constant memory. Stopped by Ctrl-C or a lost connection,
they say how far they came; the same command goes on from there (what it needs to know, counts alone, is kept in
\`$XDG_STATE_HOME/claimcheck/resume\`, \`~/.local/state\`), \`--from-start\` begins anew. Doing a line twice changes nothing.

## Exit codes

| Code | Meaning |
|---|---|
| 0 | done |
| 1 | refused by the server, or not confirmed |
| 2 | not understood, or not usable: nothing was sent |
| 3 | no usable answer: unreachable, too slow, overloaded, or not a Claimcheck server |
| 130 | stopped by Ctrl-C |
| 141 | nobody read the output; changes under way were finished |

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
      defaultValue === undefined ? '' : `${defaultValue} if not given`,
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
