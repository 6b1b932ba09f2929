/**
 * The naive truth beside the world: what a token is worth, found by going through every change from the beginning. It has
 * no caches, no marks and no positions; it is slow, and obviously right.
 */
import { refuse } from '../../client/src/decision.ts'
import type { ActiveToken, FeedEvent } from '../../client/src/wire/index.ts'

export const PARTITIONS = 2
/** Far enough away that nothing expires unless a test wants it to. */
const FAR_FUTURE_SECONDS = 4_000_000_000
const EVERYWHERE = '*'
const ROLES = ['teacher', 'student'] as const
/** An answer without contexts tells of no more than this. */
const MAX_TOLD_CONTEXTS = 2

export type WorldRole = (typeof ROLES)[number]
export const CONTEXTS = ['course:1', 'course:2', 'course:3'] as const
/** In which contexts the world asks; '' for none. */
export const QUESTIONS = ['', 'course:1', 'course:2', 'course:1 course:3'] as const

/** A token of the world; its groups overlap with those of others. */
export interface WorldToken {
  readonly key: string
  readonly partition: number
  readonly sub: string
  readonly grantId: string
  /** The login it belongs to, if any. */
  readonly sid: string | undefined
  readonly clientId: string
  /** What it was exchanged from, the nearest first. */
  readonly origins: readonly WorldToken[]
}

/** A role is held from now on, until it ends (epoch seconds) or for good; or not at all. */
export interface RoleChange {
  readonly context: string
  readonly role: WorldRole
  readonly held: 'for good' | 'no more' | number
}

/** What is done to a token or a subject, and the event that tells of it. */
export interface Change {
  readonly event: FeedEvent
  readonly voids: (token: WorldToken) => boolean
  readonly roleChange?: RoleChange & { readonly sub: string }
}

/** All that was done, in order. */
export type Changes = readonly Change[]

/** The first six tokens have a session: two subjects have one for both their grants, the other two for one of them. */
const WITH_SESSION = 6

const issued: readonly WorldToken[] = Array.from({ length: 8 }, (_, i) => ({
  key: `token-${i}`,
  partition: i % PARTITIONS,
  sub: `sub-${i % 4}`,
  grantId: `grant-${i % 4}-${i >> 2}`,
  sid: i < WITH_SESSION ? `session-${i % 4}` : undefined,
  clientId: `client-${(i >> 1) % 2}`,
  origins: [],
}))

/** An exchanged token belongs to the login of what it came from. */
function exchanged(n: number, from: WorldToken): WorldToken {
  const own = { key: `token-${n}`, grantId: `grant-${n}`, clientId: `client-${n % 3}` }
  return { ...from, ...own, origins: [from, ...from.origins] }
}

const view = exchanged(8, issued[0] as WorldToken)

/** Tokens: four subjects, two grants each, some in a session, clients in common, over two partitions; one exchanged, and one from that. */
export const TOKENS: readonly WorldToken[] = [...issued, view, exchanged(9, view)]

/** Whether something is true of a token or of one it came from. */
function ofAny({ origins, ...own }: WorldToken, is: (one: WorldToken) => boolean): boolean {
  return is({ origins, ...own }) || origins.some(is)
}

/** Ways to revoke; each makes the event and says which tokens it voids. */
export const REVOCATIONS: readonly ((token: WorldToken) => Change)[] = [
  ({ key }) => ({
    event: { type: 'token', jti: key },
    voids: (t) => ofAny(t, (one) => one.key === key),
  }),
  ({ grantId }) => ({
    event: { type: 'grant', grant_id: grantId },
    voids: (t) => ofAny(t, (one) => one.grantId === grantId),
  }),
  ({ sid }) => ({
    event: { type: 'session', sid: sid ?? 'session of another token' },
    voids: (t) => sid !== undefined && t.sid === sid,
  }),
  ({ sub }) => ({ event: { type: 'subject', sub }, voids: (t) => t.sub === sub }),
  ({ sub, clientId }) => ({
    event: { type: 'subject_client', sub, client_id: clientId },
    voids: (t) => t.sub === sub && ofAny(t, (one) => one.clientId === clientId),
  }),
  ({ clientId }) => ({
    event: { type: 'client', client_id: clientId },
    voids: (t) => ofAny(t, (one) => one.clientId === clientId),
  }),
  () => ({ event: { type: 'all' }, voids: () => true }),
  // A type of a later version voids nothing we know, and must be taken for everything.
  () => ({ event: { type: 'something-new' } as unknown as FeedEvent, voids: () => true }),
]

/** How an event names the contexts of a change. */
export type Naming = 'it' | 'it and another' | 'none' | 'too many'

/** Changes a role of a token's subject. */
export function changeOfRole({ sub }: WorldToken, roleChange: RoleChange, naming: Naming): Change {
  const contexts = namesOf(roleChange.context, naming)
  return {
    event: { type: 'subject', sub, ...(contexts === undefined ? {} : { contexts }) },
    voids: () => false,
    roleChange: { ...roleChange, sub },
  }
}

function namesOf(context: string, naming: Naming): readonly string[] | undefined {
  switch (naming) {
    case 'it':
      return [context]
    case 'it and another':
      return ['course:other', context]
    case 'none':
      return undefined
    case 'too many':
      // More than an event may name: what else it touches cannot be told from it.
      return Array.from({ length: 33 }, (_, n) => `course:${n + 100}`)
  }
}

/** Whether a token is void after these changes of its partition. */
export function isVoidAfter(changes: Changes, token: WorldToken): boolean {
  return changes.some((change) => change.voids(token))
}

/** When what is held in exactly this context ends, in epoch seconds; `undefined` when it is not held. */
function heldUntil(
  changes: Changes,
  sub: string,
  context: string,
  role: WorldRole,
  time: number,
): number | undefined {
  const last = changes.findLast(
    ({ roleChange: of }) => of?.sub === sub && of.context === context && of.role === role,
  )?.roleChange?.held
  if (last === undefined || last === 'no more') return undefined
  if (last === 'for good') return Number.POSITIVE_INFINITY
  return time < last * 1_000 ? last : undefined
}

function rolesIn(changes: Changes, sub: string, context: string, time: number): WorldRole[] {
  return ROLES.filter((role) => heldUntil(changes, sub, context, role, time) !== undefined)
}

/** What the service says about a good token, and how long it is until that ends by itself. */
export function answerAfter(
  changes: Changes,
  { key, sub, grantId, sid, clientId, origins }: WorldToken,
  contexts: string,
  time: number,
): { readonly answer: ActiveToken; readonly leftMs?: number } {
  const holding = CONTEXTS.filter((context) => rolesIn(changes, sub, context, time).length > 0)
  const isComplete = contexts === '' && holding.length <= MAX_TOLD_CONTEXTS
  const told = contexts === '' ? (isComplete ? holding : []) : contexts.split(' ')
  const ends = [EVERYWHERE, ...told].flatMap((context) =>
    ROLES.map((role) => heldUntil(changes, sub, context, role, time) ?? Number.POSITIVE_INFINITY),
  )
  const leftMs = Math.min(...ends) * 1_000 - time
  const answer: ActiveToken = {
    active: true,
    iss: 'i',
    sub,
    client_id: clientId,
    aud: ['r'],
    token_type: 'Bearer',
    iat: 0,
    exp: FAR_FUTURE_SECONDS,
    jti: key,
    grant_id: grantId,
    ...(sid === undefined ? {} : { sid }),
    roles: rolesIn(changes, sub, EVERYWHERE, time),
    context_roles: Object.fromEntries(
      told.map((context) => [context, rolesIn(changes, sub, context, time)]),
    ),
    context_roles_complete: isComplete,
    ...(origins.length === 0 ? {} : { exchanged_from: origins.map(nameOf) }),
  }
  return Number.isFinite(leftMs) ? { answer, leftMs } : { answer }
}

function nameOf({ key, grantId, clientId }: WorldToken) {
  return { jti: key, grant_id: grantId, client_id: clientId }
}

/** Whether every decision that an answer allows is right after these changes of its partition, at a time. */
export function isRightAfter(
  changes: Changes,
  token: WorldToken,
  contexts: string,
  answer: ActiveToken,
  time: number,
): boolean {
  if (isVoidAfter(changes, token)) return false
  const places = contexts === '' ? placesOfPlain(answer) : contexts.split(' ')
  return [EVERYWHERE, ...places].every((context) =>
    ROLES.every((role) => {
      const isAllowed = refuse(answer, { role, context }) === undefined
      const holders = [EVERYWHERE, context]
      const isHeld = holders.some(
        (holder) => heldUntil(changes, token.sub, holder, role, time) !== undefined,
      )
      return isAllowed === isHeld
    }),
  )
}

function placesOfPlain(answer: ActiveToken): readonly string[] {
  return answer.context_roles_complete === true ? CONTEXTS : []
}

/** When roles end by themselves, in epoch milliseconds. */
export function endsIn(changes: Changes): readonly number[] {
  return changes.flatMap(({ roleChange }) =>
    typeof roleChange?.held === 'number' ? [roleChange.held * 1_000] : [],
  )
}
