/** What Redis has to remember, one entry a kind: how many of it a run keeps, and how they come about. */
import type { Redis } from 'ioredis'
import type { Store } from '../../store/store.ts'
import { BY, issue, issueGrant, refreshed } from '../../test/redis/actions.ts'

/** A kind of thing. */
export interface Thing {
  readonly name: string
  /** How many come of one making. Default is 1. */
  readonly perMaking?: number
  /** Times as many as of other things. Default is 1. */
  readonly times?: number
  /** Makes the n-th; `redis` is for what the store does not do. */
  readonly make: (store: Store, n: number, redis: Redis) => Promise<unknown>
}

/** The client of all tokens. */
export const CLIENT = 'web-app'
/** The role of all assignments. */
export const ROLE = 'teacher'
/** Assignments are loaded in lots: one making is one lot. */
export const ASSIGNMENTS_AT_ONCE = 500

const TOKENS_A_GRANT = 10
const ASSIGNMENTS_A_SUBJECT = 10
const VALUE = 'x'.repeat(64)
const HASH_LENGTH = 22
const HOUR_SECONDS = 3_600

const subOf = (n: number): string => `user-${String(n).padStart(8, '0')}`

/** The things, by a short name. */
export const THINGS = {
  bareKey: {
    name: 'a bare key of the shape of a token’s, with 64 bytes and a time to live',
    make: (_, n, redis) =>
      redis.set(`cc{J}t${String(n).padStart(HASH_LENGTH, '0')}`, VALUE, 'EX', HOUR_SECONDS),
  },
  ofTen: {
    name: 'access token, ten a grant; each grant with a subject and a session of its own',
    perMaking: TOKENS_A_GRANT,
    async make(store, n) {
      const login = { sub: subOf(n), clientId: CLIENT, session: 'new' } as const
      let { refreshToken } = await issueGrant(store, login)
      for (let more = 1; more < TOKENS_A_GRANT; more++) {
        ;({ refreshToken } = await refreshed(store, refreshToken, CLIENT))
      }
    },
  },
  ofOne: {
    name: 'access token that is a grant of its own: of a client for itself',
    make: (store) => issue(store, { sub: CLIENT, clientId: CLIENT, subjectKind: 'client' }),
  },
  user: {
    name: 'the same of a user who holds no other',
    make: (store, n) => issue(store, { sub: subOf(n), clientId: CLIENT }),
  },
  login: {
    name: 'the same with a session',
    make: (store, n) => issue(store, { sub: subOf(n), clientId: CLIENT, session: 'new' }),
  },
  grant: {
    name: 'grant with a refresh token and its first access token, of a user who holds no other',
    make: (store, n) => issueGrant(store, { sub: subOf(n), clientId: CLIENT }),
  },
  grantInSession: {
    name: 'the same with a session',
    make: (store, n) => issueGrant(store, { sub: subOf(n), clientId: CLIENT, session: 'new' }),
  },
  cutoff: {
    name: 'revocation of a subject',
    make: (store, n) => store.revocations.revoke({ level: 'subject', sub: subOf(n) }, { by: BY }),
  },
  subject: {
    name: 'subject with claims (a name and an address)',
    make: (store, n) =>
      store.subjects.put(subOf(n), BY, {
        claims: { name: `Alex Example ${n}`, email: `alex.example.${n}@school.test` },
      }),
  },
  assignmentsOfOne: {
    name: 'assignment, all of one subject',
    ...lots((n) => ({ sub: subOf(0), context: n })),
  },
  assignmentsOfTen: {
    name: 'assignment, ten a subject',
    ...lots((n) => ({
      sub: subOf(Math.floor(n / ASSIGNMENTS_A_SUBJECT)),
      context: n % ASSIGNMENTS_A_SUBJECT,
    })),
  },
  assignmentsOfMany: {
    name: 'assignment, one a subject',
    ...lots((n) => ({ sub: subOf(n), context: n })),
  },
} as const satisfies Record<string, Thing>

/** Short name of a thing. */
export type ThingId = keyof typeof THINGS

function lots(
  placeOf: (n: number) => { readonly sub: string; readonly context: number },
): Omit<Thing, 'name'> {
  return {
    perMaking: ASSIGNMENTS_AT_ONCE,
    times: 4,
    make(store, lot) {
      const changes = Array.from({ length: ASSIGNMENTS_AT_ONCE }, (_, n) => {
        const { sub, context } = placeOf(lot * ASSIGNMENTS_AT_ONCE + n)
        return { op: 'assign', sub, context: `course:${context}`, role: ROLE } as const
      })
      return store.assignments.apply(changes)
    },
  }
}
