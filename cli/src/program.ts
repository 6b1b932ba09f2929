/** The tree of commands. It only declares them; the caller decides how a command is run. */
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Setup } from './command.ts'
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
  claimcheck revoke --from-file dump.txt      revoke leaked tokens in any file
  claimcheck revoke --subject alice           revoke a compromised account
  claimcheck revoke --client web-app          revoke a compromised client
  claimcheck token explain < token.txt        why is a token refused?
  claimcheck audit --since 1h                 what was done?

Exit codes: 0 done, 1 refused, 2 invalid command line (nothing was sent), 3 no
usable answer (repeat the command), 130 stopped by Ctrl-C, 141 output closed.

Every command has examples: claimcheck <command> --help`

/** Makes the tree. */
export function createProgram(setup: Setup & { readonly version: string }): Command {
  const program = new Command('claimcheck')
    .description(
      'The operator tool of Claimcheck: find, explain and revoke tokens, assign roles, read the audit.',
    )
    .version(setup.version)
    .addOption(new Option('--profile <name>', 'use this profile (or set CLAIMCHECK_PROFILE)'))
    .addOption(new Option('--issuer <url>', 'use the profile of this issuer'))
    .addOption(new Option('--json', 'write results as JSON'))
    .addOption(
      new Option('--timeout <seconds>', 'wait at most this long for an answer (10)').argParser(
        parseTimeout,
      ),
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
  throw new InvalidArgumentError(`Give a number of seconds, at most ${MAX_TIMEOUT_SECONDS}.`)
}
