/**
 * What goes on while parts fail: tokens are issued, revoked at random levels, and looked up by every client without end.
 * The short pauses between two requests set the rate of the load; nothing is waited for by them.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { TestServices } from '../fixture/services.ts'
import type { ChaosClient } from './chaos-client.ts'
import type { Checker, IssuedToken, Observation, Target, WatchedToken } from './checker.ts'
import type { Random } from './random.ts'

/** What a workload is made from. */
export interface WorkloadOptions {
  readonly services: TestServices
  readonly checker: Checker
  readonly clients: readonly ChaosClient[]
  /** Ids of the applications that tokens are issued to. */
  readonly applications: readonly string[]
  readonly subjects: readonly string[]
  readonly random: Random
}

/** A workload that runs until told to stop. */
export interface Workload {
  /** Resolves when the last call has returned. */
  stop(): Promise<void>
}

type Kind = Observation['kind']

const FIRST_TOKENS = 24
const RECENT = 16
/** Longer than any bound. */
const JUST_NOW_MS = 1_500
const LANES_PER_CLIENT = 2
const LOOKUP_PAUSE_MS = 4
const WRITE_PAUSE_MS = 35
/** About as long as a look-up takes. */
const RACE_PAUSE_MS = 4

/** Issues the first tokens, while all is well, and starts. */
export async function startWorkload(options: WorkloadOptions): Promise<Workload> {
  const { clients, random } = options
  let isStopping = false
  for (let n = 0; n < FIRST_TOKENS; n++) await issue(options, random)

  async function repeat(
    pauseMs: number,
    random: Random,
    act: (random: Random) => Promise<unknown>,
  ) {
    while (!isStopping) {
      await act(random)
      await delay(random.next() * pauseMs)
    }
  }

  const lanes = clients.flatMap((client) =>
    Array.from({ length: LANES_PER_CLIENT }, () =>
      repeat(LOOKUP_PAUSE_MS, random.fork(), (lane) => lookUp(options, client, lane)),
    ),
  )
  const writers = [0, 1].map(() =>
    repeat(WRITE_PAUSE_MS, random.fork(), (lane) =>
      lane.chance(0.65) ? issue(options, lane) : revoke(options, lane),
    ),
  )
  return {
    async stop() {
      isStopping = true
      await Promise.all([...lanes, ...writers])
    },
  }
}

/** Sends to the admin API; `undefined` when that came to nothing. */
async function send(services: TestServices, path: string, body: unknown): Promise<unknown> {
  try {
    const response = await services.callAdmin('POST', path, body)
    const answer: unknown = await response.json()
    // The operator's own token goes with the others when all of them are revoked.
    if (response.status === 401) await services.renewAdminToken()
    return response.ok ? answer : undefined
  } catch {
    // Part of the plan: it is not known whether it was done.
    return undefined
  }
}

async function issue({ services, checker, ...plan }: WorkloadOptions, random: Random) {
  const [sub, clientId] = [random.pick(plan.subjects), random.pick(plan.applications)]
  if (sub === undefined || clientId === undefined) return
  const sibling = checker.tokens.findLast((token) => token.sub === sub && !token.isSuspect)
  const sid = random.chance(0.4) ? sibling?.sid : undefined
  const askedAt = performance.now()
  const answer = await send(services, '/tokens', { sub, client_id: clientId, sid })
  if (answer === undefined) return
  const { access_token: text, grant_id: grantId, sid: session } = answer as Record<string, string>
  const issuedAt = performance.now()
  checker.issued({ text, sub, clientId, sid: session, grantId, askedAt, issuedAt } as IssuedToken)
}

async function revoke(options: WorkloadOptions, random: Random): Promise<void> {
  const { services, checker, clients } = options
  const good = checker.tokens.filter(({ isSuspect }) => !isSuspect)
  // Now and then something is revoked twice.
  const token = random.pick(random.chance(0.9) ? good : checker.tokens)
  if (token === undefined) return
  const { target, body } = draw(token, random)
  // Look-ups that are on their way meanwhile: an answer may come back after the news that it is out of date.
  const racing = clients
    .filter(() => random.chance(0.6))
    .map((client) => decide(checker, client, token, random.chance(0.7) ? 'live' : 'bounded'))
  if (random.chance(0.5)) await delay(random.next() * RACE_PAUSE_MS)
  const call = checker.revoking(target)
  if ((await send(services, '/revocations', body)) !== undefined) call.acknowledged()
  await Promise.all(racing)
}

function draw(token: WatchedToken, random: Random): { target: Target; body: object } {
  const { text, grantId, sid, sub, clientId } = token
  const die = random.next()
  if (die < 0.4) return { target: { level: 'token', token: text }, body: { token: text } }
  if (die < 0.6) return { target: { level: 'grant', grantId }, body: { grant: grantId } }
  if (die < 0.75) return { target: { level: 'session', sid }, body: { session: sid } }
  if (die < 0.85) return { target: { level: 'subject', sub }, body: { subject: sub } }
  if (die < 0.95) {
    return {
      target: { level: 'subject+client', sub, clientId },
      body: { subject: sub, client: clientId },
    }
  }
  if (die < 0.99) return { target: { level: 'client', clientId }, body: { client: clientId } }
  return { target: { level: 'all' }, body: { all: true } }
}

/** Mostly what is good, so that it is in the cache when its time comes; often what was taken back just now. */
function pickToken(tokens: readonly WatchedToken[], random: Random): WatchedToken | undefined {
  const die = random.next()
  const recent = tokens.slice(-RECENT)
  if (die < 0.45) return random.pick(recent.filter(({ isSuspect }) => !isSuspect))
  if (die < 0.85) {
    const since = performance.now() - JUST_NOW_MS
    return random.pick(tokens.filter(({ voidAt = 0 }) => voidAt > since))
  }
  return random.pick(tokens)
}

async function lookUp({ checker }: WorkloadOptions, client: ChaosClient, random: Random) {
  const token = pickToken(checker.tokens, random)
  if (token === undefined) return
  const die = random.next()
  await decide(checker, client, token, die < 0.1 ? 'live' : die < 0.2 ? 'peek' : 'bounded')
}

/** One decision of one client, seen by the checker. Returns what it came to. */
export async function decide(
  checker: Checker,
  { client, name, boundMs, wall }: ChaosClient,
  token: WatchedToken,
  kind: Kind,
): Promise<Pick<Observation, 'verdict' | 'source'>> {
  const startedAt = performance.now()
  const seen = { token, kind, startedAt, boundMs, by: name, asOf: undefined }
  if (kind === 'peek') {
    const answer = client.peek(token.text)
    const verdict = answer?.active === true ? 'accepted' : 'void'
    if (answer !== undefined) checker.observe({ ...seen, verdict, source: 'peek' })
    return { verdict, source: 'peek' }
  }
  const decision = await client.authorize(token.text, {}, { freshness: kind })
  if (decision.ok) {
    // Nothing else has run since the decision was made, so its clock has not been stepped either.
    const asOf = performance.now() - (wall() - decision.asOf)
    const { source } = decision
    checker.observe({ ...seen, verdict: 'accepted', source, asOf })
    return { verdict: 'accepted', source }
  }
  const verdict = VERDICTS[decision.status]
  checker.observe({ ...seen, verdict, source: '-' })
  return { verdict, source: '-' }
}

const VERDICTS = { 401: 'void', 403: 'other', 503: 'unavailable' } as const
