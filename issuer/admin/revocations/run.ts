/**
 * Carries out a stream of revocations, one per line, such as the tokens of a leak. It reports for each line whether the target was
 * live and whose it was; a line without a valid target does not stop the run. Idempotent. This file knows nothing of HTTP.
 */
import type { Change } from '../../../http/audit/audit-trail.ts'
import { hasUniqueNames } from '../../../http/body/unique-names.ts'
import { ProblemError } from '../../../http/errors/problem.ts'
import type { Explanation } from '../../../store/grants/explain.ts'
import { isWithin } from '../../../store/grants/issue-span.ts'
import type { RevocationTarget } from '../../../store/revocations/target.ts'
import type { Store } from '../../../store/store.ts'
import { readJsonLine } from '../lines/json-line.ts'
import {
  type LineResult,
  type LineRun,
  type NumberedLine,
  runLines,
  type WindowOutcome,
} from '../lines/line-run.ts'
import type { Line } from '../lines/line-splitter.ts'
import {
  carryOut,
  forecast,
  namesOf,
  type RevocationBody,
  revocationBody,
  spanOf,
  toChange,
  toTarget,
} from './request.ts'

/** What a run is made from. */
export interface RevocationRun extends Pick<LineRun<unknown>, 'readChunks' | 'report'> {
  readonly store: Store
  /** Whether only to forecast. */
  readonly isForecast: boolean
  /** The operator. */
  readonly by: string
  readonly audit: (...changes: readonly Change[]) => Promise<void>
  /** Throws once the operator is no longer admitted. */
  readonly assertAdmitted: () => Promise<void>
}

/** Lines in a window. Each takes a few round trips; those of a window run at the same time. */
export const REVOCATIONS_PER_WINDOW = 500

/** Longest line: room for a token and a reason with every character escaped. */
const MAX_LINE_BYTES = 8_192

/** Why a line was refused. */
interface LineRefusal {
  readonly error:
    | 'invalid-json'
    | 'invalid-body'
    | 'line-too-long'
    | 'not-a-token'
    | 'not-found'
    | 'conflict'
  readonly detail: string
}

type ReadLine = RevocationBody | LineRefusal

/** The report on one line. */
type LineReport =
  | (LineRefusal & { readonly line: number })
  | {
      readonly line: number
      readonly outcome: 'revoked' | 'already_void' | 'spared'
      readonly change: Change
      readonly names: object
    }

/** Refusals of a well-formed line. */
const CODE_BY_PROBLEM: Readonly<Record<string, LineRefusal['error']>> = {
  'not-found': 'not-found',
  conflict: 'conflict',
}

const NOT_A_TOKEN: LineRefusal = {
  error: 'not-a-token',
  detail: 'This is not a token of this installation.',
}
const UNKNOWN_TOKEN: LineRefusal = {
  error: 'not-found',
  detail: 'This token was never issued, or expired long ago.',
}

/** Carries out a stream of revocations, as {@link runLines} does. */
export function runRevocations(run: RevocationRun): Promise<LineResult> {
  let isFirst = true

  async function revokeLine({ line, read }: NumberedLine<ReadLine>): Promise<LineReport> {
    if ('error' in read) return { line, ...read }
    try {
      return { line, ...(await revokeOne(run, read)) }
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error
      const code = CODE_BY_PROBLEM[error.slug] ?? 'invalid-body'
      return { line, error: code, detail: error.detail }
    }
  }

  /** All lines at the same time, except that a revocation in every partition finishes before the next line starts. */
  async function revokeWindow(
    window: readonly NumberedLine<ReadLine>[],
  ): Promise<readonly LineReport[]> {
    const reports: Promise<LineReport>[] = []
    for (const numbered of window) {
      const report = revokeLine(numbered)
      // Awaited at the end; until then a failure must not count as an unhandled rejection.
      report.catch(() => undefined)
      reports.push(report)
      if (isWide(numbered.read)) await report
    }
    return Promise.all(reports)
  }

  async function carryOutWindow(window: readonly NumberedLine<ReadLine>[]): Promise<WindowOutcome> {
    await run.assertAdmitted()
    const reports = await revokeWindow(window)
    const counts = countsOf(reports)
    const changes = reports.flatMap((report) => ('change' in report ? [report.change] : []))
    // Each line of the first window has a record, but each later window only one: the records of a million lines would push all
    // others out of the audit.
    const summary = {
      action: actionOf(run),
      target: { through: window.at(-1)?.line ?? 0, ...counts },
    }
    await run.audit(...(isFirst ? changes : [summary]))
    isFirst = false
    return { counts, reports: reports.map(toView) }
  }

  return runLines({
    readChunks: run.readChunks,
    report: run.report,
    maxLineBytes: MAX_LINE_BYTES,
    readLine,
    windowSize: REVOCATIONS_PER_WINDOW,
    carryOut: carryOutWindow,
    noCounts: { revoked: 0, already_void: 0, spared: 0, failed: 0 },
  })
}

function isWide(read: ReadLine): boolean {
  return (
    !('error' in read) &&
    (read.all === true || (read.client !== undefined && read.subject === undefined))
  )
}

function actionOf({ isForecast }: RevocationRun): string {
  return isForecast ? 'revocation.forecast' : 'revocation.create'
}

async function revokeOne(run: RevocationRun, body: RevocationBody) {
  const { store, isForecast, by } = run
  const explained = body.token === undefined ? undefined : await store.tokens.explain(body.token)
  if (explained?.state === 'not_a_token') return NOT_A_TOKEN
  if (explained?.state === 'unknown') return UNKNOWN_TOKEN
  const target = await toTarget(store, body)
  const answer = isForecast
    ? await forecast(store, target, body)
    : await carryOut(store, target, body, by)
  const wasLive = explained === undefined ? answer.affected !== 0 : isLive(explained)
  const owner = explained === undefined ? {} : ownerOf(explained)
  const { sub } = owner as { readonly sub?: string }
  return {
    outcome: isSpared(explained, body) ? ('spared' as const) : outcomeOf(wasLive),
    change: { ...toChange(target, body, answer), ...(sub === undefined ? {} : { subject: sub }) },
    names: { ...publicNames(target), ...owner, affected: answer.affected },
  }
}

function outcomeOf(wasLive: boolean) {
  return wasLive ? ('revoked' as const) : ('already_void' as const)
}

/** Whether a token is live, but was not issued in the requested span. */
function isSpared(explained: Explanation | undefined, body: RevocationBody): boolean {
  const record = explained?.token ?? explained?.grant
  if (explained === undefined || record === undefined || !isLive(explained)) return false
  return !isWithin(spanOf(body), record.issuedAtUs)
}

/** A used refresh token is void, but its grant is live. */
function isLive({ state }: Explanation): boolean {
  return state === 'active' || state === 'rotated'
}

function publicNames(target: RevocationTarget) {
  const { level, jti, grant, session } = namesOf(target)
  return { level, jti, grant_id: grant, sid: session }
}

function ownerOf({ token, grant, grantId, sid }: Explanation) {
  const record = token ?? grant
  if (record === undefined) return {}
  const { sub, clientId } = record.authorization
  const issued_at = Math.floor(record.issuedAtUs / 1e6)
  return { grant_id: grantId, sid, sub, client_id: clientId, issued_at }
}

function toView(report: LineReport): { readonly line: number } {
  if ('error' in report) return report
  const { line, outcome, names } = report
  return { line, outcome, ...names } as { readonly line: number }
}

function countsOf(reports: readonly LineReport[]) {
  const counts = { revoked: 0, already_void: 0, spared: 0, failed: 0 }
  for (const report of reports) counts['error' in report ? 'failed' : report.outcome] += 1
  return counts
}

function readLine(line: Line): ReadLine {
  const parsed = readJsonLine(line)
  if (parsed.kind === 'too-long') {
    return { error: 'line-too-long', detail: `A line may have at most ${MAX_LINE_BYTES} bytes.` }
  }
  if (parsed.kind !== 'value') {
    return { error: 'invalid-json', detail: 'The line is not JSON in UTF-8.' }
  }
  const result = revocationBody.safeParse(parsed.value)
  if (!result.success) {
    const [issue] = result.error.issues
    // The place of the mistake and the rule, never the value.
    const member = String(issue?.path[0] ?? '')
    return { error: 'invalid-body', detail: `${member}: ${issue?.code ?? 'is malformed'}` }
  }
  // Checked last: a body that fits the schema is known to be flat.
  if (hasUniqueNames(parsed.json)) return result.data
  return { error: 'invalid-body', detail: 'A member is named twice.' }
}
