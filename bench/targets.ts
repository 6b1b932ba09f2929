/** The numbers to reach, each a ratio against something measured in the same run, or a size. */

/** One line of the list. */
export interface Target {
  readonly text: string
  readonly atLeast?: number
  readonly atMost?: number
  readonly unit: string
}

/** The list. */
export const TARGETS = {
  introspectionBesideKoa: {
    text: 'introspection, one process, 64 connections, beside a bare koa + @koa/router POST: requests/s',
    atLeast: 0.8,
    unit: '×',
  },
  introspectionBesideOidcProvider: {
    text: "introspection beside oidc-provider's on the same Redis: requests/s",
    atLeast: 4,
    unit: '×',
  },
  introspectionP99: {
    text: 'p99 of introspection at half load, beside that of the bare handler',
    atMost: 3,
    unit: '×',
  },
  millionRoles: {
    text: 'role check with 1,000,000 roles held, beside the same with one',
    atMost: 1.2,
    unit: '×',
  },
  peek: { text: 'client hit: peek, random among 100,000', atMost: 1, unit: 'µs' },
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
  refusedBeside10: {
    text: 'revoke → refused at the slowest of 10 clients, beside a bare ws broadcast',
    atMost: 1.5,
    unit: '×',
  },
  refusedBeside100: {
    text: 'revoke → refused at the slowest of 100 clients, beside a bare ws broadcast',
    atMost: 1.5,
    unit: '×',
  },
  refusedBeside1000: {
    text: 'revoke → refused at the slowest of 1,000 clients, beside a bare ws broadcast',
    atMost: 1.5,
    unit: '×',
  },
  refusedP99Of10: { text: 'revoke → refused with 10 clients, p99', atMost: 10, unit: 'ms' },
  revokeSubject: {
    text: 'revoking a subject with 100,000 live tokens, beside one with 1',
    atMost: 1.2,
    unit: '×',
  },
  issueBesideOidcProvider: {
    text: 'issue (client_credentials) beside oidc-provider: requests/s',
    atLeast: 4,
    unit: '×',
  },
  memoryOfTen: {
    text: 'Redis memory of a live access token, ten tokens a grant',
    atMost: 256,
    unit: 'B',
  },
  memoryOfOne: {
    text: 'Redis memory of a live access token that is a grant of its own',
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

/** Name of a line. */
export type TargetId = keyof typeof TARGETS

/** Whether a figure reaches its line. */
export function isReached(id: TargetId, figure: number): boolean {
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }: Target =
    TARGETS[id]
  return figure >= atLeast && figure <= atMost
}
