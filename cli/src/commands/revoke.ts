/**
 * `claimcheck revoke`, the emergency door: every level of the lattice, several targets at once, with a forecast and, for
 * anything wider than one session, a confirmation that states the blast radius.
 */
import type { Command } from 'commander'
import { addCommand, type CommandSetup, handle, repeatable } from '../command.ts'
import { assertConfirmable, confirm } from '../confirmation.ts'
import { CliError, EXIT, usage } from '../exit.ts'
import type { Run } from '../run.ts'
import type { Api, Json } from '../service/api.ts'
import { numberOf, textOf } from '../service/fields.ts'
import { formatMoment } from '../terminal/moment.ts'
import { count } from '../terminal/progress.ts'
import { addTokenTargets, assertSpan, type IntakeOptions, revokeTokens } from './token-intake.ts'

/** How a revocation is to be. */
export interface RevocationOptions {
  readonly issuedAfter?: number
  readonly issuedBefore?: number
  readonly reason?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
}

interface RevokeOptions extends RevocationOptions, IntakeOptions {
  readonly token?: boolean
  readonly jti?: readonly string[]
  readonly grant?: readonly string[]
  readonly session?: readonly string[]
  readonly subject?: readonly string[]
  readonly client?: readonly string[]
  readonly all?: boolean
}

/** One thing to take back. */
export interface Target {
  /** What the admin API takes. */
  readonly body: Json
  /** For people, such as `session s1`. */
  readonly name: string
  /** Whether it is wider than one session. */
  readonly isWide: boolean
  /** What must be typed before it is taken back; `affected` stands for the count. */
  readonly typed?: string | 'affected'
}

/** Adds the command. */
export function addRevokeCommand(program: Command, setup: CommandSetup): void {
  const revoke = addCommand(program, 'revoke', {
    summary: 'take back tokens, at any level from one token to everything',
    details: [
      'Everything issued to the target until now, or before --issued-before, is void at once; what is issued later is not touched. With --issued-after what is older lives on, and what it mints from now on too: for an incident that began at a known time. --subject with --client hits only what the subject holds at that client. Tokens are read from standard input (--token) or found in a file of any kind (--from-file), never typed.',
      'Anything wider than one session asks first and says what it would hit; --dry-run only says so.',
    ],
    examples: [
      ['claimcheck revoke --from-file dump.txt --reason "leaked"', 'every token in a leaked file'],
      ['claimcheck revoke --subject alice --dry-run', 'what would die?'],
      ['claimcheck revoke --subject alice --reason "laptop stolen"', 'everything alice holds'],
      ['claimcheck revoke --session S1 --session S2', 'two sessions'],
      [
        'claimcheck revoke --client web-app --issued-before 2h',
        'what web-app got until two hours ago',
      ],
      ['claimcheck revoke --all --issued-after 1h', 'everything issued in the last hour'],
      ['claimcheck revoke --token < token.txt', 'one token, read from standard input'],
      [
        'claimcheck revoke --all --reason "signing key lost" --yes',
        'everything, without being asked',
      ],
    ],
  })
    .option('--token', 'the tokens on standard input')
    .addOption(repeatable('--jti <id>', 'one token by its id'))
    .addOption(repeatable('--grant <id>', 'all tokens of a grant'))
    .addOption(repeatable('--session <sid>', 'all tokens of a session'))
    .addOption(repeatable('--subject <sub>', 'all tokens of a subject'))
    .addOption(repeatable('--client <id>', 'all tokens of a client'))
    .option('--all', 'all tokens of everybody')
  addTokenTargets(revoke, setup)
  handle<RevokeOptions, []>(revoke, setup, revokeAny)
}

async function revokeAny(run: Run, options: RevokeOptions): Promise<void> {
  const targets = targetsOf(options)
  assertSpan(options)
  const isIntake = options.token === true || options.fromFile !== undefined
  if (isIntake && targets.length > 0) {
    throw usage('--token and --from-file stand alone; give the other targets in a run of their own')
  }
  if (options.token === true && options.fromFile !== undefined) {
    throw usage('--token reads standard input and --from-file a file: give one of them')
  }
  if (isIntake) return revokeTokens(run, { ...options, mustHold: options.token === true })
  if (options.fromStart === true) throw usage('--from-start goes with --from-file')
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
    throw usage('--all is everything: give no other target with it')
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
    throw usage('--subject goes with one --client: what the subject holds at that client')
  }
  return subjects.map((subject) => ({
    body: { subject, client: clients[0] },
    name: `subject ${subject} at client ${clients[0]}`,
    isWide: true,
  }))
}

/** All tokens of a session. */
export function sessionTarget(session: string): Target {
  return { body: { session }, name: `session ${session}`, isWide: false }
}

/** All tokens of a subject. */
export function subjectTarget(subject: string): Target {
  return { body: { subject }, name: `subject ${subject}`, isWide: true }
}

/** All tokens of a client. */
export function clientTarget(client: string): Target {
  return { body: { client }, name: `client ${client}`, isWide: true, typed: client }
}

/** Takes back targets after asking where that is due. */
export async function revokeTargets(
  run: Run,
  options: RevocationOptions,
  targets: readonly Target[],
): Promise<void> {
  const { report } = run
  const isWide = targets.length > 1 || targets.some((target) => target.isWide)
  const mustAsk = isWide && options.dryRun !== true
  const what = targets.length === 1 ? `revoking ${targets[0]?.name}` : 'revoking several targets'
  if (mustAsk) assertConfirmable(run, options.yes, what)
  const api = await run.api()
  if (options.dryRun === true) {
    const forecasts = await forecastAll(api, options, targets)
    report.document({ dry_run: true, revocations: forecasts.map(({ answer }) => answer) })
    showForecasts(run, forecasts)
    return
  }
  if (mustAsk && options.yes !== true) {
    const forecasts = await forecastAll(api, options, targets)
    showForecasts(run, forecasts)
    await confirmForecasts(run, forecasts)
  }
  await carryOut(run, api, options, targets)
}

interface Outcome {
  readonly target: Target
  readonly answer: Json
}

function bodyOf({ body }: Target, options: RevocationOptions): Json {
  const { issuedAfter, issuedBefore, reason } = options
  return { ...body, issued_after: issuedAfter, issued_before: issuedBefore, reason }
}

/** Asks the server what a revocation would hit. */
export async function forecast(
  api: Api,
  target: Target,
  options: RevocationOptions,
): Promise<Json> {
  return api.admin({
    method: 'POST',
    path: '/revocations',
    body: { ...bodyOf(target, options), dry_run: true },
    isRepeatable: true,
    isLong: true,
  })
}

async function forecastAll(
  api: Api,
  options: RevocationOptions,
  targets: readonly Target[],
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (const target of targets) {
    outcomes.push({ target, answer: await forecast(api, target, options) })
  }
  return outcomes
}

function showForecasts({ report }: Run, forecasts: readonly Outcome[]): void {
  report.table(
    [
      { title: 'would be revoked', cell: ({ target }) => target.name },
      { title: 'live', cell: ({ answer }) => affectedText(answer), align: 'right' },
      ...spanColumns(forecasts),
    ],
    forecasts,
  )
}

async function confirmForecasts(run: Run, forecasts: readonly Outcome[]): Promise<void> {
  const total = forecasts.reduce((sum, { answer }) => sum + (numberOf(answer.affected) ?? 0), 0)
  const names = forecasts.map(({ target }) => target.name)
  const blastRadius = `${count(total)} live grants or tokens of ${names.join(', ')}${spanText(forecasts)} will be void, for good.`
  const asked = forecasts.filter(({ target }) => target.typed !== undefined)
  if (asked.length === 0) return confirm(run, false, { blastRadius })
  for (const { target, answer } of asked) {
    const typed = target.typed === 'affected' ? affectedText(answer) : (target.typed ?? '')
    await confirm(run, false, { blastRadius, typed })
  }
}

async function carryOut(
  { report }: Run,
  api: Api,
  options: RevocationOptions,
  targets: readonly Target[],
): Promise<void> {
  report.ignoreClosedOutput()
  const done: Outcome[] = []
  const failures: { readonly target: Target; readonly error: CliError }[] = []
  for (const target of targets) {
    try {
      const body = bodyOf(target, options)
      const call = { method: 'POST', path: '/revocations', body, isRepeatable: true } as const
      done.push({ target, answer: await api.admin(call) })
    } catch (error) {
      if (!(error instanceof CliError)) throw error
      failures.push({ target, error })
      // One that is unknown is no reason to spare the others; a server that is gone is.
      if (error.exitCode !== EXIT.refused) break
    }
  }
  report.document({
    dry_run: false,
    revocations: done.map(({ answer }) => answer),
    failures: failures.map(({ target, error }) => ({ ...target.body, detail: error.message })),
  })
  showRevocations(report, done)
  throwFailures(failures, targets.length - done.length)
}

function showRevocations(report: Run['report'], done: readonly Outcome[]): void {
  if (done.length === 0) return
  report.table(
    [
      { title: 'revoked', cell: ({ target }) => target.name, tone: () => 'bad' },
      { title: 'were live', cell: ({ answer }) => affectedText(answer), align: 'right' },
      ...spanColumns(done),
      { title: 'id', cell: ({ answer }) => textOf(answer.id) },
    ],
    done,
  )
}

function throwFailures(
  failures: readonly { readonly target: Target; readonly error: CliError }[],
  undone: number,
): void {
  const [first] = failures
  if (first === undefined) return
  if (failures.length === 1 && undone === 1) {
    const { exitCode, message, hint } = first.error
    throw new CliError(exitCode, `${first.target.name}: ${message}`, hint)
  }
  const { exitCode } = failures.at(-1)?.error ?? first.error
  const reasons = failures.map(({ target, error }) => `${target.name}: ${error.message}`)
  const hint = 'The others are revoked; repeating all of it is safe.'
  throw new CliError(exitCode, `${undone} not revoked: ${reasons.join('; ')}`, hint)
}

function affectedText({ affected }: Json): string {
  const known = numberOf(affected)
  return known === undefined ? 'not counted' : count(known).replaceAll(',', '')
}

/** From when to when; the beginning only where one was given. */
function spanColumns(outcomes: readonly Outcome[]) {
  const after = {
    title: 'issued after',
    cell: ({ answer }: Outcome) => timeText(answer.issued_after),
  }
  const until = { title: 'issued until', cell: ({ answer }: Outcome) => timeText(answer.cutoff) }
  return outcomes.some(({ answer }) => answer.issued_after !== undefined) ? [after, until] : [until]
}

/** The span that they have in common, where one was given; the ends differ by what the asking took. */
function spanText(forecasts: readonly Outcome[]): string {
  const [first] = forecasts.filter(({ answer }) => answer.issued_after !== undefined)
  if (first === undefined) return ''
  const { issued_after, cutoff } = first.answer
  return `, issued after ${timeText(issued_after)} and until ${timeText(cutoff)},`
}

function timeText(time: unknown): string {
  const moment = numberOf(time)
  return moment === undefined ? '' : formatMoment(moment)
}
