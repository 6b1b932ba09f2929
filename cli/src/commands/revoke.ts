/**
 * `claimcheck revoke`, the command for an emergency: revokes at every level, several targets at once. Anything wider than
 * one session needs a confirmation, which says how many live grants or tokens are hit.
 */
import type { Command } from 'commander'
import { addCommand, handle, repeatable, type Setup } from '../command.ts'
import { usage } from '../exit.ts'
import type { Run } from '../run.ts'
import {
  clientTarget,
  revokeTargets,
  sessionTarget,
  subjectTarget,
  type Target,
} from './revoke-targets.ts'
import { addIntakeOptions, assertSpan, type IntakeOptions, revokeTokens } from './token-intake.ts'

interface RevokeOptions extends IntakeOptions {
  readonly token?: boolean
  readonly jti?: readonly string[]
  readonly grant?: readonly string[]
  readonly session?: readonly string[]
  readonly subject?: readonly string[]
  readonly client?: readonly string[]
  readonly all?: boolean
}

/** Adds the command. */
export function addRevokeCommand(program: Command, setup: Setup): void {
  const revoke = addCommand(program, 'revoke', {
    summary: 'revoke tokens, at any level from one token to everything',
    details: [
      'Revokes everything issued to the target until now, or before --issued-before, at once. Tokens issued later are not affected. With --issued-after, older grants stay valid, and so do the tokens they issue from now on: use it for an incident that began at a known time.',
      '--subject with --client revokes only what the subject holds at that client. Tokens are read from standard input (--token) or found in a file of any kind (--from-file); they are never typed on the command line.',
      'Anything wider than one session says what it would revoke, and asks first. --dry-run only says it.',
    ],
    examples: [
      ['claimcheck revoke --from-file dump.txt --reason "leaked"', 'every token in a leaked file'],
      ['claimcheck revoke --subject alice --dry-run', 'what would be revoked?'],
      ['claimcheck revoke --subject alice --reason "laptop stolen"', 'everything alice holds'],
      ['claimcheck revoke --session S1 --session S2', 'two sessions'],
      ['claimcheck revoke --client web-app --issued-before 2h', 'issued over two hours ago'],
      ['claimcheck revoke --all --issued-after 1h', 'everything issued in the last hour'],
      ['claimcheck revoke --token < token.txt', 'one token, read from standard input'],
      ['claimcheck revoke --all --reason "signing key lost" --yes', 'everything, without asking'],
    ],
  })
    .option('--token', 'the tokens on standard input')
    .addOption(repeatable('--jti <id>', 'one token by its id'))
    .addOption(repeatable('--grant <id>', 'all tokens of a grant'))
    .addOption(repeatable('--session <sid>', 'all tokens of a session'))
    .addOption(repeatable('--subject <sub>', 'all tokens of a subject'))
    .addOption(repeatable('--client <id>', 'all tokens of a client'))
    .option('--all', 'all tokens of everyone')
  addIntakeOptions(revoke, setup)
  handle<RevokeOptions, []>(revoke, setup, revokeAny)
}

async function revokeAny(run: Run, options: RevokeOptions): Promise<void> {
  const targets = targetsOf(options)
  assertSpan(options)
  const isIntake = options.token === true || options.fromFile !== undefined
  if (isIntake && targets.length > 0) {
    throw usage('--token and --from-file cannot be combined with other targets: use two commands')
  }
  if (options.token === true && options.fromFile !== undefined) {
    throw usage('--token reads standard input and --from-file reads a file: give only one')
  }
  if (isIntake) return revokeTokens(run, { ...options, isTokenRequired: options.token === true })
  if (options.fromStart === true) throw usage('--from-start needs --from-file')
  if (targets.length === 0) {
    throw usage(
      'there is nothing to revoke',
      'Give --token, --from-file, --jti, --grant, --session, --subject, --client or --all.',
    )
  }
  await revokeTargets(run, options, targets)
}

function targetsOf(options: RevokeOptions): readonly Target[] {
  const { jti = [], grant = [], session = [], subject = [], client = [], all } = options
  const named = [...jti, ...grant, ...session, ...subject, ...client]
  if (all === true && named.length > 0)
    throw usage('--all is everything: it cannot be combined with other targets')
  if (all === true) {
    return [{ body: { all: true }, name: 'everything', isWide: true, typed: 'affected' }]
  }
  return [
    ...jti.map((id) => ({ body: { jti: id }, name: `token ${id}`, isWide: false })),
    ...grant.map((id) => ({ body: { grant: id }, name: `grant ${id}`, isWide: false })),
    ...session.map(sessionTarget),
    ...subjectAndClientTargets(subject, client),
  ]
}

function subjectAndClientTargets(
  subjects: readonly string[],
  clients: readonly string[],
): readonly Target[] {
  if (subjects.length === 0) return clients.map(clientTarget)
  if (clients.length === 0) return subjects.map(subjectTarget)
  if (clients.length > 1) {
    throw usage('--subject can be combined with only one --client')
  }
  return subjects.map((subject) => ({
    body: { subject, client: clients[0] },
    name: `subject ${subject} at client ${clients[0]}`,
    isWide: true,
  }))
}
