/** The numbers to reach (section 10 of the design): ratios to something measured in the same run, times, and sizes. */

/** One target. */
export interface Target {
  readonly text: string
  readonly atLeast?: number
  readonly atMost?: number
  readonly unit: string
}

/** The list. */
export const TARGETS = {
  introspectionBesideKoa: {
    text: 'hot introspection, one process, 64 connections, requests/s: beside a bare koa + @koa/router POST',
    atLeast: 0.8,
    unit: '×',
  },
  introspectionBesideOidcProvider: {
    text: 'the same beside oidc-provider on the same Redis',
    atLeast: 4,
    unit: '×',
  },
  redisCpuAt64: {
    text: 'Redis CPU of a hot introspection beside that of a first look, 64 connections',
    atMost: 1 / 8,
    unit: '×',
  },
  redisCpuAt256: { text: 'the same, 256 connections', atMost: 1 / 15, unit: '×' },
  redisCpuAt1: { text: 'the same, one request at a time', atMost: 0.7, unit: '×' },
  introspectionCpu: {
    text: 'CPU of a hot introspection, node and Redis together, 64 connections',
    atMost: 40,
    unit: 'µs',
  },
  firstLook: {
    text: 'CPU of a first look at a token (miss) beside that of November 2026',
    atMost: 1.05,
    unit: '×',
  },
  introspectionP99: {
    text: 'p99 of introspection at half load beside that of the bare handler',
    atMost: 3,
    unit: '×',
  },
  millionRoles: {
    text: 'role check with 1,000,000 roles held beside the same with one',
    atMost: 1.2,
    unit: '×',
  },
  peek: { text: 'client hit: peek, random among 100,000 entries', atMost: 1, unit: 'µs' },
  peekBesideMap: {
    text: 'the same beside a Map whose answer is touched, and both clocks read',
    atMost: 1.1,
    unit: '×',
  },
  peekBesideEs256: {
    text: 'client hit beside jwtVerify of jose, ES256: times as fast',
    atLeast: 100,
    unit: '×',
  },
  peekBesideRs256: {
    text: 'client hit beside jwtVerify of jose, RS256: times as fast',
    atLeast: 30,
    unit: '×',
  },
  liveBesideLookUp: {
    text: '`live` on a cached entry, CPU of the caller, beside a look-up',
    atMost: 1 / 8,
    unit: '×',
  },
  refusedBeside10: {
    text: 'revoke → refused at the slowest of 10 clients, beside a durable write + publish + bare broadcast',
    atMost: 2.5,
    unit: '×',
  },
  refusedBeside100: { text: 'the same with 100 clients', atMost: 2.5, unit: '×' },
  refusedBeside1000: { text: 'the same with 1,000 clients', atMost: 2.5, unit: '×' },
  refusedP99Of10: { text: 'revoke → refused with 10 clients, p99', atMost: 10, unit: 'ms' },
  refusedP99Of1000: { text: 'revoke → refused with 1,000 clients, p99', atMost: 25, unit: 'ms' },
  revokeSubject: {
    text: 'revoking a subject with 100,000 live tokens beside one with 1',
    atMost: 1.2,
    unit: '×',
  },
  issueBesideOidcProvider: {
    text: 'issue (client_credentials), requests/s: beside oidc-provider',
    atLeast: 2,
    unit: '×',
  },
  memoryOfTen: {
    text: 'Redis memory of a live access token, ten tokens a grant',
    atMost: 256,
    unit: 'B',
  },
  memoryOfOne: {
    text: 'Redis memory of a live access token that is its own grant',
    atMost: 400,
    unit: 'B',
  },
  memoryBesideOidcProvider: {
    text: "Redis memory of a client-credentials token beside oidc-provider's",
    atMost: 1,
    unit: '×',
  },
  import: { text: 'import of 1,000,000 assignments', atMost: 30, unit: 's' },
  importMemory: {
    text: "growth of the issuer's memory over the second half of that import",
    atMost: 1.1,
    unit: '×',
  },
  clientMemory: { text: 'memory of a client with 100,000 entries', atMost: 100, unit: 'MB' },
} as const satisfies Record<string, Target>

/** Name of a target. */
export type TargetId = keyof typeof TARGETS

/** Whether a figure reaches its target. */
export function isReached(id: TargetId, figure: number): boolean {
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }: Target =
    TARGETS[id]
  return figure >= atLeast && figure <= atMost
}
