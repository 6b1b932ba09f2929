/**
 * Revokes named targets: forecasts what would be hit, asks before anything wider than one session, and carries on when one
 * of several targets is refused.
 */
import type { Command } from 'commander'
import { yesOption } from '../command.ts'
import { assertConfirmable, confirm } from '../confirmation.ts'
import { CliError, EXIT } from '../exit.ts'
import type { Run } from '../run.ts'
import type { Api, Json } from '../service/api.ts'
import { numberOf, textOf, timeOf } from '../service/fields.ts'
import { count } from '../terminal/progress.ts'

/** Options of a revocation. */
export interface RevocationOptions {
  readonly issuedAfter?: number
  readonly issuedBefore?: number
  readonly reason?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/** Adds the options that all revocations share. */
export function addRevocationOptions(command: Command): Command {
  return command
    .option('--reason <text>', 'the reason, kept with the revocation and in the audit')
    .option('-n, --dry-run', 'show what would be revoked, change nothing')
    .addOption(yesOption())
}

/** One thing to revoke. */
export interface Target {
  /** Its members in the request to the admin API. */
  readonly body: Json
  /** What people read, such as `session s1`. */
  readonly name: string
  /** Whether it is wider than one session. */
  readonly isWide: boolean
  /** The answer that confirms its revocation; `affected` stands for the count. */
  readonly typed?: string | 'affected'
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

/** Revokes targets, after a confirmation where one is needed. */
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

/** Asks the server what a revocation would affect. */
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
  const isAll = forecasts.some(({ target }) => target.body.all === true)
  const owner = isAll ? 'everyone' : forecasts.map(({ target }) => target.name).join(', ')
  const what = total === 1 ? 'grant or token' : 'grants or tokens'
  const blastRadius = `${count(total)} live ${what} of ${owner}${spanText(forecasts)} will be void for good.`
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
      // An unknown target does not stop the others; an unreachable server does.
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
  const hint = 'The others are revoked; it is safe to repeat the whole command.'
  throw new CliError(exitCode, `${undone} not revoked: ${reasons.join('; ')}`, hint)
}

function affectedText({ affected }: Json): string {
  const known = numberOf(affected)
  return known === undefined ? 'not counted' : count(known).replaceAll(',', '')
}

/** The columns for the span of time; its start only where one was given. */
function spanColumns(outcomes: readonly Outcome[]) {
  const after = {
    title: 'issued after',
    cell: ({ answer }: Outcome) => timeOf(answer.issued_after),
  }
  const until = { title: 'issued until', cell: ({ answer }: Outcome) => timeOf(answer.cutoff) }
  return outcomes.some(({ answer }) => answer.issued_after !== undefined) ? [after, until] : [until]
}

/** The span of time, where one was given. All have the same start; their ends differ by the time the forecasts took. */
function spanText(forecasts: readonly Outcome[]): string {
  const [first] = forecasts.filter(({ answer }) => answer.issued_after !== undefined)
  if (first === undefined) return ''
  const { issued_after, cutoff } = first.answer
  return `, issued after ${timeOf(issued_after)} and until ${timeOf(cutoff)},`
}
