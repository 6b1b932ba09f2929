/** What is timed: calls of the client, look-ups in other caches, and verifications of a JWT. */
import { LRUCache } from 'lru-cache'
import type { Decision } from '../../client/src/index.ts'
import type { IntrospectionResponse } from '../../client/src/wire/index.ts'
import { cpuMicroseconds } from '../harness/machine.ts'
import { type FilledClient, fillClient } from './filled-client.ts'
import { type Algorithm, makeJwtKey, SUBJECT } from './jwt.ts'
import { makeTokens } from './presented-tokens.ts'
import { timeAwaited, timeCalls, timeTogether } from './timing.ts'

/** Times so many calls. @returns microseconds a call: of CPU for the last two, of time for all others */
export type Timer = (calls: number) => number | Promise<number>

/** What can be timed. */
export type Timed =
  | 'peek'
  | 'introspect'
  | 'authorize'
  | 'map'
  | 'map-clocks'
  | 'lru-cache'
  | 'lru-cache-ttl'
  | Algorithm
  | 'look-up'
  | 'live'

type Found = IntrospectionResponse | undefined

const ROLE = 'teacher'
/** Roles in the JWT that is verified. */
const JWT_ROLES = 10
/** As in a busy service: the threads that verify are then used best. */
const VERIFIED_AT_ONCE = 16
/** Longer than the measurement. */
const TTL_MS = 600_000
/** Of a client that asks its service. */
const ENTRIES = 1_000

/** All timers. */
export async function makeTimers(
  filled: FilledClient,
  issuer: string,
): Promise<Readonly<Record<Timed, Timer>>> {
  return {
    ...cacheTimers(filled),
    RS256: await verificationTimer('RS256'),
    ES256: await verificationTimer('ES256'),
    ...(await serviceTimers(issuer)),
  }
}

function cacheTimers(filled: FilledClient) {
  const { client, tokens, subjectOf, contextOf } = filled
  const { map, lru, lruWithTtl } = fillOthers(filled)
  const touched = { exp: 0, clocks: 0 }

  /** Of the group that is being timed. */
  let drawn = tokens.draw(0)
  const prepare = (count: number): readonly string[] => {
    drawn = tokens.draw(count)
    return Array.from(drawn, tokens.at)
  }
  const check = (found: Found, index: number): void => {
    const isFound = found?.active === true && found.sub === subjectOf(drawn[index] as number)
    if (!isFound) throw new Error('a look-up did not find its answer')
  }
  const synchronous =
    (make: (token: string) => Found): Timer =>
    (calls) =>
      timeCalls(calls, { prepare, make, check })

  return {
    peek: synchronous(client.peek),
    introspect: (calls: number) =>
      timeAwaited(calls, { prepare, make: (token) => client.introspect(token), check }),
    authorize: (calls: number) =>
      timeAwaited(calls, {
        prepare: (count) =>
          prepare(count).map((token, n) => ({ token, context: contextOf(drawn[n] as number) })),
        make: ({ token, context }) => client.authorize(token, { role: ROLE, context }),
        check: (decision: Decision, index) =>
          check(decision.ok ? decision.claims : undefined, index),
      }),
    map: synchronous((token) => map.get(token)),
    'map-clocks': synchronous((token) => {
      const found = map.get(token)
      if (found?.active === true) touched.exp = found.exp ?? 0
      touched.clocks = performance.now() + Date.now()
      return found
    }),
    'lru-cache': synchronous((token) => lru.get(token)),
    'lru-cache-ttl': synchronous((token) => lruWithTtl.get(token)),
  }
}

/** The same answers by the same tokens. */
function fillOthers({ client, tokens }: FilledClient) {
  const max = tokens.count
  const map = new Map<string, Found>()
  const lru = new LRUCache<string, IntrospectionResponse>({ max })
  const lruWithTtl = new LRUCache<string, IntrospectionResponse>({ max, ttl: TTL_MS })
  for (let n = 0; n < tokens.count; n++) {
    const token = tokens.at(n)
    const answer = client.peek(token) as IntrospectionResponse
    map.set(token, answer)
    lru.set(token, answer)
    lruWithTtl.set(token, answer)
  }
  return { map, lru, lruWithTtl }
}

async function verificationTimer(algorithm: Algorithm): Promise<Timer> {
  const key = await makeJwtKey(algorithm)
  const bytes = Buffer.from(await key.sign(JWT_ROLES), 'latin1')
  return (calls) =>
    timeTogether(calls, VERIFIED_AT_ONCE, {
      prepare: (count) => Array.from({ length: count }, () => bytes.toString('latin1')),
      make: key.verify,
      check({ sub }) {
        if (sub !== SUBJECT) throw new Error('a JWT was not verified')
      },
    })
}

/** CPU time of calls that ask the service: for a token that is not in the cache, and for one that is (`live`). */
async function serviceTimers(issuer: string) {
  const { client, tokens } = await fillClient(issuer, ENTRIES)
  // Another client: what it looks up would evict the entries of the first.
  const { client: asking } = await fillClient(issuer, ENTRIES)
  const cpu = (): number => cpuMicroseconds(process.pid)
  const check = (found: Found): void => {
    if (found?.active !== true) throw new Error('the service did not answer that a token is active')
  }
  const prepareNew = (count: number): readonly string[] => {
    const made = makeTokens(count)
    return Array.from({ length: count }, (_, n) => made.at(n))
  }
  const prepareKept = (count: number) => Array.from(tokens.draw(count), tokens.at)
  return {
    'look-up': (calls: number) =>
      timeAwaited(
        calls,
        { prepare: prepareNew, make: (token) => asking.introspect(token), check },
        cpu,
      ),
    live: (calls: number) =>
      timeAwaited(
        calls,
        {
          prepare: prepareKept,
          make: (token) => client.introspect(token, { freshness: 'live' }),
          check,
        },
        cpu,
      ),
  }
}
