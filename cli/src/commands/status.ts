/** `claimcheck status`: both services, Redis, the feed and the versions on one screen. With `--issuer` it needs no profile. */
import type { Command } from 'commander'
import { addCommand, handle, type Setup } from '../command.ts'
import { CliError, EXIT, unreachable } from '../exit.ts'
import { parseObject } from '../input/json-object.ts'
import type { Profile } from '../input/profile-file.ts'
import { assertSecureUrl } from '../input/secure-url.ts'
import type { Run } from '../run.ts'
import { objectOf, textOf } from '../service/fields.ts'
import type { HttpAnswer } from '../service/http-call.ts'
import { type Metrics, parseMetrics } from '../service/metrics-text.ts'
import { count } from '../terminal/progress.ts'
import type { Fact, Tone } from '../terminal/table.ts'

/** Adds the command. */
export function addStatusCommand(program: Command, setup: Setup): void {
  const status = addCommand(program, 'status', {
    summary: 'show both services, Redis, feed lag, connected clients and versions',
    details: ['The exit code is 0 when everything works, and 3 otherwise.'],
    examples: [
      ['claimcheck status', 'does everything work?'],
      ['claimcheck status --issuer https://issuer.example --json', 'without a profile'],
    ],
  })
  handle<object, []>(status, setup, showStatus)
}

interface ServiceStatus {
  readonly url: string
  readonly state: 'ready' | 'not ready' | 'unreachable'
  readonly detail: string
  readonly checks: Readonly<Record<string, string>>
  readonly answerMs: number | undefined
  readonly metrics: Metrics | undefined
}

async function showStatus(run: Run): Promise<void> {
  const { report } = run
  const profile = await profileOf(run)
  const signedIn = profile.operator.clientId === '' ? undefined : signInText(run, profile)
  const [issuer, introspect, operator] = await Promise.all([
    checkService(run, profile.issuer),
    introspectUrl(run, profile).then((url) => checkService(run, url)),
    signedIn,
  ])
  report.document({
    profile: profile.name,
    issuer: toJson(issuer),
    introspect: { ...toJson(introspect), feed: feedNumbers(introspect.metrics) },
    operator: operator === undefined ? null : { ok: operator.ok, detail: operator.detail },
  })
  report.facts([
    { name: 'profile', value: profile.name },
    ...(operator === undefined ? [] : [toneFact('operator', operator.detail, operator.ok)]),
  ])
  report.line('')
  report.facts([...serviceFacts('issuer', issuer), ...redisFact(issuer)])
  report.line('')
  report.facts([
    ...serviceFacts('introspect', introspect),
    ...redisFact(introspect),
    ...feedFacts(introspect.metrics),
  ])
  const bad = [issuer, introspect].filter(({ state }) => state !== 'ready')
  if (bad.length > 0)
    throw unreachable(`${bad.map(({ url, state }) => `${url} is ${state}`).join('; ')}`)
}

async function profileOf(run: Run): Promise<Profile> {
  const { issuer, profile } = run.globals
  try {
    return await run.profile()
  } catch (error) {
    if (issuer === undefined || profile !== undefined) throw error
    assertSecureUrl(issuer, 'the issuer')
    return { name: '(none)', issuer, operator: { clientId: '', clientSecret: '' } }
  }
}

async function signInText(run: Run, profile: Profile): Promise<{ ok: boolean; detail: string }> {
  try {
    const scope = await run.apiOf(profile).signIn()
    return { ok: true, detail: `${profile.operator.clientId}, may ${scope || 'nothing'}` }
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode === EXIT.interrupted) throw error
    return { ok: false, detail: error.message }
  }
}

async function introspectUrl(run: Run, profile: Profile): Promise<string> {
  if (profile.introspect !== undefined) return profile.introspect
  try {
    const { introspection } = await run.apiOf(profile).endpoints()
    return introspection.replace(/\/introspect$/, '')
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode === EXIT.interrupted) throw error
    return '(unknown: the issuer does not name it)'
  }
}

async function checkService(run: Run, base: string): Promise<ServiceStatus> {
  const nothing = { url: base, checks: {}, answerMs: undefined, metrics: undefined }
  if (!URL.canParse(base)) return { ...nothing, state: 'unreachable', detail: '' }
  const { elapsedMs } = run.environment
  const { origin } = new URL(base)
  const ask = (path: string) =>
    run.http.send({ url: origin + path, method: 'GET', timeoutMs: run.timeoutMs })
  try {
    const began = elapsedMs()
    await ask('/healthz')
    const answerMs = Math.round((elapsedMs() - began) * 10) / 10
    const [ready, metrics] = await Promise.all([
      ask('/readyz'),
      ask('/metrics').catch(() => undefined),
    ])
    const checks = checksOf(ready)
    const state = ready.status === 200 && checks !== undefined ? 'ready' : 'not ready'
    const detail = checks === undefined ? 'the answer is not that of Claimcheck' : ''
    const text = metrics?.status === 200 ? parseMetrics(metrics.text) : undefined
    return { url: base, state, detail, checks: checks ?? {}, answerMs, metrics: text }
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode === EXIT.interrupted) throw error
    return { ...nothing, state: 'unreachable', detail: error.message }
  }
}

function checksOf({ text }: HttpAnswer): Readonly<Record<string, string>> | undefined {
  const checks = objectOf(parseObject(text)?.checks)
  if (checks === undefined) return undefined
  return Object.fromEntries(Object.entries(checks).map(([name, value]) => [name, textOf(value)]))
}

function toJson({ url, state, detail, checks, answerMs, metrics }: ServiceStatus) {
  const version = metrics?.label('claimcheck_build_info', 'version')
  const node = metrics?.label('claimcheck_build_info', 'node')
  return { url, state, detail: detail || undefined, checks, answer_ms: answerMs, version, node }
}

function toneFact(name: string, value: string, isGood: boolean): Fact {
  const tone: Tone = isGood ? 'good' : 'bad'
  return { name, value, tone }
}

function serviceFacts(name: string, status: ServiceStatus): Fact[] {
  const { version, node } = toJson(status)
  const { answerMs, detail, metrics } = status
  const state = detail === '' ? status.state : `${status.state}: ${detail}`
  return [
    { name, value: status.url },
    toneFact('  state', state, status.state === 'ready'),
    ...(answerMs === undefined ? [] : [{ name: '  answer time', value: `${answerMs} ms` }]),
    {
      name: '  version',
      value:
        version === undefined ? 'unknown: no metrics here' : `${version} on Node ${node ?? '?'}`,
    },
    ...numberFact('  requests in flight', metrics?.sum('claimcheck_http_requests_in_flight')),
    ...numberFact('  refused credentials', metrics?.sum('claimcheck_client_auth_failures_total')),
  ]
}

function redisFact({ checks }: ServiceStatus): Fact[] {
  return Object.entries(checks).map(([name, value]) => toneFact(`  ${name}`, value, value === 'ok'))
}

function numberFact(name: string, value: number | undefined): Fact[] {
  return value === undefined ? [] : [{ name, value: count(value) }]
}

function feedNumbers(metrics: Metrics | undefined) {
  return {
    connections: metrics?.sum('claimcheck_feed_connections'),
    lag_events: metrics?.sum('claimcheck_feed_lag_events'),
    unacknowledged_events: metrics?.sum('claimcheck_feed_unacknowledged_events'),
  }
}

function feedFacts(metrics: Metrics | undefined): Fact[] {
  const { connections, lag_events, unacknowledged_events } = feedNumbers(metrics)
  return [
    ...numberFact('  connected clients', connections),
    ...(lag_events === undefined
      ? []
      : [toneFact('  feed lag', `${count(lag_events)} events`, lag_events === 0)]),
    ...numberFact('  unacknowledged events', unacknowledged_events),
  ]
}
