/** The look-ups that are timed: ours, and those of what else keeps values by a key. */
import { LRUCache } from 'lru-cache'
import type { Decision } from '../../client/src/index.ts'
import { protect } from '../../client/src/middleware/koa.ts'
import type { ActiveToken, IntrospectionResponse } from '../../client/src/wire/index.ts'
import type { FilledClient } from './filled-client.ts'
import type { LookUp } from './question.ts'
import { timeAwaited, timeCalls } from './timing.ts'

/** Times so many calls. @returns microseconds a call */
export type Timer = (calls: number) => number | Promise<number>

/** The parts of a request that our middleware touches. */
interface Arrived {
  readonly req: {
    readonly headers: { readonly authorization: string }
    readonly rawHeaders: readonly string[]
  }
  readonly state: { claims?: ActiveToken }
  status: number
  body: unknown
  set(): void
}

type Found = IntrospectionResponse | undefined

const SCOPE = 'grades:read'
const ROLE = 'teacher'
/** Longer than the measurement. */
const TTL_MS = 600_000
/** What a browser or a proxy sends besides. */
const OTHER_HEADERS: readonly string[] = [
  ...['Host', 'grades.test', 'User-Agent', 'bench', 'Accept', 'application/json'],
  ...['Accept-Encoding', 'gzip', 'X-Request-Id', 'b1946ac9', 'Connection', 'keep-alive'],
]

/** Timers by name. */
export function lookUpTimers(filled: FilledClient): Readonly<Record<LookUp, Timer>> {
  const { client, tokens, subjectOf, contextOf } = filled
  const others = fillOthers(filled)
  const pass = protect(client, { scope: SCOPE })
  const next = async (): Promise<void> => undefined
  const read = { last: 0 }

  /** Of the tokens of the group under way. */
  let drawn = tokens.draw(0)
  const present = (count: number): readonly string[] => {
    drawn = tokens.draw(count)
    return Array.from(drawn, tokens.at)
  }
  const check = (found: Found, index: number): void => {
    const isFound = found?.active === true && found.sub === subjectOf(drawn[index] as number)
    if (!isFound) throw new Error('a look-up did not find its answer')
  }
  const checkDecision = (decision: Decision, index: number): void =>
    check(decision.ok ? decision.claims : undefined, index)

  const synchronous =
    (get: (token: string) => Found): Timer =>
    (calls) =>
      timeCalls(calls, { prepare: present, make: get, check })

  return {
    peek: synchronous(client.peek),
    map: synchronous((token) => others.map.get(token)),
    'map-clocks': synchronous((token) => {
      read.last = performance.now() + Date.now()
      return others.map.get(token)
    }),
    'lru-cache': synchronous((token) => others.lru.get(token)),
    'lru-cache-ttl': synchronous((token) => others.lruWithTtl.get(token)),
    introspect: (calls) =>
      timeAwaited(calls, { prepare: present, make: (token) => client.introspect(token), check }),
    'authorize-scope': (calls) =>
      timeAwaited(calls, {
        prepare: present,
        make: (token) => client.authorize(token, { scope: SCOPE }),
        check: checkDecision,
      }),
    'authorize-role': (calls) =>
      timeAwaited(calls, {
        prepare: (count) =>
          present(count).map((token, n) => ({ token, context: contextOf(drawn[n] as number) })),
        make: ({ token, context }) => client.authorize(token, { role: ROLE, context }),
        check: checkDecision,
      }),
    koa: (calls) =>
      timeAwaited(calls, {
        prepare: (count) => present(count).map(arrived),
        make: async (ctx) => {
          await pass(ctx, next)
          return ctx.state.claims
        },
        check,
      }),
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

function arrived(token: string): Arrived {
  // One flat text, as a parser of HTTP makes it.
  const authorization = Buffer.from(`Bearer ${token}`, 'latin1').toString('latin1')
  return {
    req: {
      headers: { authorization },
      rawHeaders: [...OTHER_HEADERS, 'Authorization', authorization],
    },
    state: {},
    status: 404,
    body: undefined,
    set: () => undefined,
  }
}
