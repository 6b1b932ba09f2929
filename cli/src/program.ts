/** The tree of commands. Declares them and nothing more: who runs it decides what running a command means. */
import { Command, InvalidArgumentError, Option } from 'commander'
import type { CommandSetup } from './command.ts'
import { addAuditCommand } from './commands/audit.ts'
import { addClientCommands } from './commands/client.ts'
import { addCompletionCommand } from './commands/completion.ts'
import { addFeedCommands } from './commands/feed.ts'
import { addLoginCommands } from './commands/login.ts'
import { addRevokeCommand } from './commands/revoke.ts'
import { addRoleCommands } from './commands/role.ts'
import { addSessionCommands } from './commands/session.ts'
import { addStatusCommand } from './commands/status.ts'
import { addSubjectCommands } from './commands/subject.ts'
import { addTokenCommands } from './commands/token.ts'

const MAX_TIMEOUT_SECONDS = 600

const FIRST_STEPS = `
In an emergency:
  claimcheck revoke --from-file dump.txt      leaked tokens, in any file
  claimcheck revoke --subject alice           a compromised account
  claimcheck revoke --client web-app          a compromised client
  claimcheck token explain < token.txt        why is a token refused?
  claimcheck audit --since 1h                 what was done?

Exit codes: 0 done, 1 refused, 2 not understood (nothing was sent), 3 no usable
answer, 130 stopped by Ctrl-C, 141 nobody read the output.

Every command has examples: claimcheck <command> --help`

/** Makes the tree. */
export function createProgram(setup: CommandSetup & { readonly version: string }): Command {
  const program = new Command('claimcheck')
    .description(
      'The operator’s tool of Claimcheck: find, explain and take back tokens, assign roles, read the audit.',
    )
    .version(setup.version)
    .addOption(
      new Option('--profile <name>', 'which stored profile to use (or CLAIMCHECK_PROFILE)'),
    )
    .addOption(new Option('--issuer <url>', 'use the profile of this issuer'))
    .addOption(new Option('--json', 'results as JSON'))
    .addOption(
      new Option('--timeout <seconds>', 'longest wait for an answer (10)').argParser(parseTimeout),
    )
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .addHelpText('after', FIRST_STEPS)
    .showSuggestionAfterError(true)
  addRevokeCommand(program, setup)
  addTokenCommands(program, setup)
  addSessionCommands(program, setup)
  addSubjectCommands(program, setup)
  addRoleCommands(program, setup)
  addClientCommands(program, setup)
  addAuditCommand(program, setup)
  addFeedCommands(program, setup)
  addStatusCommand(program, setup)
  addLoginCommands(program, setup)
  addCompletionCommand(program, setup)
  return program
}

function parseTimeout(value: string): number {
  const seconds = Number(value)
  if (/^\d{1,3}(?:\.\d{1,3})?$/.test(value) && seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS) {
    return seconds
  }
  throw new InvalidArgumentError(`Give seconds, up to ${MAX_TIMEOUT_SECONDS}.`)
}
