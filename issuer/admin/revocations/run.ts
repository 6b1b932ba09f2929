/**
 * Takes back what a stream of lines names, such as the tokens of a leak: says of each what it was worth and whose it was, and
 * carries on past lines that name nothing. Repeatable: what is void already stays so. Knows nothing of HTTP.
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
  /** Whether to say only what would be taken back. */
  readonly isForecast: boolean
  /** The operator. */
  readonly by: string
  readonly audit: (...changes: readonly Change[]) => Promise<void>
  /** Throws once the operator may not go on. */
  readonly assertAdmitted: () => Promise<void>
}

/** Lines in a window: each takes a few round trips, all of a window at once. */
export const REVOCATIONS_PER_WINDOW = 500

/** Longest line: a token and a reason, every character escaped, have room. */
const MAX_LINE_BYTES = 8_192

/** A line that names nothing to take back. */
interface Unfit {
  readonly error:
    | 'invalid-json'
    | 'invalid-body'
    | 'line-too-long'
    | 'not-a-token'
    | 'not-found'
    | 'conflict'
  readonly detail: string
}

type Read = RevocationBody | Unfit

/** What is told of one line. */
type Told =
  | (Unfit & { readonly line: number })
  | {
      readonly line: number
      readonly outcome: 'revoked' | 'already_void' | 'spared'
      readonly change: Change
      readonly names: object
    }

/** Refusals of a line that is well-formed. */
const CODE_BY_PROBLEM: Readonly<Record<string, Unfit['error']>> = {
  'not-found': 'not-found',
  conflict: 'conflict',
}

const NOT_OURS: Unfit = { error: 'not-a-token', detail: 'This token is not of our making.' }
const NEVER_ISSUED: Unfit = {
  error: 'not-found',
  detail: 'This token was never issued, or expired long ago.',
}

/** Carries out a stream of revocations, as {@link runLines} does. */
export function runRevocations(run: RevocationRun): Promise<LineResult> {
  let isFirst = true

  async function revokeLine({ line, read }: NumberedLine<Read>): Promise<Told> {
    if ('error' in read) return { line, ...read }
    try {
      return { line, ...(await revokeOne(run, read)) }
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error
      const code = CODE_BY_PROBLEM[error.slug] ?? 'invalid-body'
      return { line, error: code, detail: error.detail }
    }
  }

  /** All at once, but one after the other what looks at or writes every partition. */
  async function revokeWindow(window: readonly NumberedLine<Read>[]): Promise<readonly Told[]> {
    const told: Promise<Told>[] = []
    for (const numbered of window) {
      const one = revokeLine(numbered)
      // Heard at the end; until then its failure is not unheard.
      one.catch(() => undefined)
      told.push(one)
      if (isWide(numbered.read)) await one
    }
    return Promise.all(told)
  }

  async function carryOutWindow(window: readonly NumberedLine<Read>[]): Promise<WindowOutcome> {
    await run.assertAdmitted()
    const told = await revokeWindow(window)
    const counts = countsOf(told)
    const changes = told.flatMap((one) => ('change' in one ? [one.change] : []))
    // One record a line would push all others out, were the lines a million: after the first window there is one for each.
    const summary = {
      action: actionOf(run),
      target: { through: window.at(-1)?.line ?? 0, ...counts },
    }
    await run.audit(...(isFirst ? changes : [summary]))
    isFirst = false
    return { counts, told: told.map(toView) }
  }

  return runLines({
    readChunks: run.readChunks,
    report: run.report,
    maxLineBytes: MAX_LINE_BYTES,
    readLine,
    windowSize: REVOCATIONS_PER_WINDOW,
    carryOut: carryOutWindow,
    nothing: { revoked: 0, already_void: 0, spared: 0, failed: 0 },
  })
}

function isWide(read: Read): boolean {
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
  if (explained?.state === 'not_a_token') return NOT_OURS
  if (explained?.state === 'unknown') return NEVER_ISSUED
  const target = await toTarget(store, body)
  const answer = isForecast
    ? await forecast(store, target, body)
    : await carryOut(store, target, body, by)
  const wasLive = explained === undefined ? answer.affected !== 0 : isLive(explained)
  const whose = explained === undefined ? {} : whoseOf(explained)
  const { sub } = whose as { readonly sub?: string }
  return {
    outcome: isSpared(explained, body) ? ('spared' as const) : outcomeOf(wasLive),
    change: { ...toChange(target, body, answer), ...(sub === undefined ? {} : { subject: sub }) },
    names: { ...publicNames(target), ...whose, affected: answer.affected },
  }
}

function outcomeOf(wasLive: boolean) {
  return wasLive ? ('revoked' as const) : ('already_void' as const)
}

/** A live token, but not of the time that is meant. */
function isSpared(explained: Explanation | undefined, body: RevocationBody): boolean {
  const record = explained?.token ?? explained?.grant
  if (explained === undefined || record === undefined || !isLive(explained)) return false
  return !isWithin(spanOf(body), record.issuedAtUs)
}

/** A used refresh token is void by itself, but the grant that it stands for lives on. */
function isLive({ state }: Explanation): boolean {
  return state === 'active' || state === 'rotated'
}

function publicNames(target: RevocationTarget) {
  const { level, jti, grant, session } = namesOf(target)
  return { level, jti, grant_id: grant, sid: session }
}

function whoseOf({ token, grant, grantId, sid }: Explanation) {
  const record = token ?? grant
  if (record === undefined) return {}
  const { sub, clientId } = record.authorization
  const issued_at = Math.floor(record.issuedAtUs / 1e6)
  return { grant_id: grantId, sid, sub, client_id: clientId, issued_at }
}

function toView(told: Told): { readonly line: number } {
  if ('error' in told) return told
  const { line, outcome, names } = told
  return { line, outcome, ...names } as { readonly line: number }
}

function countsOf(told: readonly Told[]) {
  const counts = { revoked: 0, already_void: 0, spared: 0, failed: 0 }
  for (const one of told) counts['error' in one ? 'failed' : one.outcome] += 1
  return counts
}

function readLine(line: Line): Read {
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
    // Where it is wrong and by which rule, never what stands there.
    const member = String(issue?.path[0] ?? '')
    return { error: 'invalid-body', detail: `${member}: ${issue?.code ?? 'is malformed'}` }
  }
  // Only once it is known to be flat: names are counted by descending.
  if (hasUniqueNames(parsed.json)) return result.data
  return { error: 'invalid-body', detail: 'A member is named twice.' }
}
