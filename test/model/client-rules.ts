/**
 * What the client does (rules 13 to 19). The counterparts in the product, all under `client/src/`:
 *
 *   13 serve          `freshness.ts` isLeased, `answers.ts` find
 *   14 fill           `freshness.ts` judge, `marks.ts`, `answers.ts` settle; single flight: `lookups.ts`
 *   15 event          `freshness.ts` event, `marks.ts` raise, `entry-cache.ts` invalidate
 *   16 lease          `freshness.ts` probe and lease, `elapsed-clock.ts`
 *   17 lease lost     here only that nothing is served; entries and cursors stay
 *   18 reset          `freshness.ts` reset, `entry-cache.ts` reset
 *   19 start          `freshness.ts` start
 *
 * Rules 20 and 21 are about what is said when nothing is known, not about lateness, and not modelled.
 */
import { lastOfToken, overdue, reflected } from './history.ts'
import type { Start } from './server-rules.ts'
import type { Flight, Followed, Frame, History, Position, State, World } from './state.ts'
import type { Variant } from './variants.ts'

/** What a client goes by. */
export interface ClientRules {
  readonly world: World
  readonly variant: Variant
}

type EventFrame = Extract<Frame, { type: 'event' }>

/** The partition of the token. */
export function homeOf({ partitions }: World): number {
  return partitions - 1
}

/** Rule 13. */
export function isServed({ isSynced, entry, lease }: State): boolean {
  return isSynced && entry !== undefined && lease > 0
}

/** Handles the next frame on the socket. */
export function deliver(rules: ClientRules, state: State): State {
  const [frame, ...socket] = state.socket as [Frame, ...Frame[]]
  return handle(rules, { ...state, socket }, frame)
}

function handle(rules: ClientRules, state: State, frame: Frame): State {
  switch (frame.type) {
    case 'event':
      return applyEvent(rules, state, frame)
    case 'reset':
      return reset(rules, state, frame.partition, frame)
    case 'lease':
      return renewLease(rules, state)
  }
}

/** Rules 9 and 19: a connection begins. */
export function start(rules: ClientRules, before: State, starts: readonly Start[]): State {
  let state = before
  starts.forEach((from, partition) => {
    if (from.how === 'reset') state = reset(rules, state, partition, from)
  })
  const node = starts.map(({ epoch, seq }) => ({ epoch, seq }))
  return { ...state, isSynced: true, gate: undefined, node, socket: [] }
}

/** A connection ends (rule 17): entries, cursors and lease stay. */
export function disconnect(state: State): State {
  return { ...state, node: [], socket: undefined, probe: undefined }
}

/** Rule 15. */
function applyEvent(rules: ClientRules, state: State, event: EventFrame): State {
  const { partition, epoch, seq } = event
  const followed = state.followed[partition] as Followed
  if (epoch !== followed.epoch && rules.variant !== 'noepoch') {
    return reset(rules, state, partition, event)
  }
  if (seq <= followed.applied) return state
  if (seq !== followed.applied + 1 && rules.variant !== 'nogap') {
    return reset(rules, state, partition, event)
  }
  const advanced = stand(rules, state, partition, mark(followed, event))
  return event.kind === 'other' ? advanced : invalidate(rules, advanced, event)
}

function mark(followed: Followed, { kind, seq }: EventFrame): Followed {
  if (kind === 'token') return { ...followed, applied: seq, tokenMark: seq }
  if (kind === 'subject') return { ...followed, applied: seq, subjectMark: seq }
  return { ...followed, applied: seq }
}

function invalidate({ variant }: ClientRules, state: State, { seq, kind }: EventFrame): State {
  const { entry, flight } = state
  const isTouched = variant === 'placeholder' && kind === 'token'
  return {
    ...state,
    entry: entry !== undefined && entry.seq < seq ? undefined : entry,
    flight: isTouched && flight !== undefined ? { ...flight, isTouched } : flight,
  }
}

/**
 * Rule 18, and more than it says. When a node that is behind sets the client back, the floor alone does not fence what is
 * in flight: such a reply may lack changes that this client has applied and that its lease covers. So every lookup sent
 * before the reset of its partition is void, whatever its position. (`gated` does without: there nobody is set back.)
 */
function reset(
  rules: ClientRules,
  state: State,
  partition: number,
  { epoch, seq }: Position,
): State {
  const followed = state.followed[partition] as Followed
  const fences = rules.variant !== 'flushonly'
  const next = fences
    ? { epoch, applied: seq, floor: seq, tokenMark: 0, subjectMark: 0 }
    : { ...followed, epoch, applied: seq }
  const stood = stand(rules, state, partition, next)
  if (partition !== homeOf(rules.world)) return stood
  const flight = fences ? fence(rules, state) : state.flight
  return { ...stood, entry: undefined, flight }
}

function fence({ variant }: ClientRules, { flight }: State): Flight | undefined {
  if (flight === undefined) return undefined
  if (variant === 'placeholder') return { ...flight, isTouched: true }
  const goesByPosition = variant === 'stepback' || variant === 'gated'
  return goesByPosition ? flight : { ...flight, isFenced: true }
}

function stand({ world }: ClientRules, state: State, partition: number, next: Followed): State {
  const followed = state.followed.with(partition, next)
  if (partition !== homeOf(world)) return { ...state, followed }
  const position = { epoch: next.epoch, seq: next.applied }
  const history = state.store[partition] as History
  const told = Math.max(state.told, lastOfToken(history, reflected(history, position)))
  return { ...state, followed, told }
}

/** Rule 16: counted from when the probe was sent. */
function renewLease({ world, variant }: ClientRules, state: State): State {
  const age = variant === 'oneway' ? 0 : (state.probe?.age ?? world.bound)
  return { ...state, probe: undefined, lease: world.bound - age }
}

/** Rule 14, the floor: a mark that is evicted goes on for all. */
export function evictMark(
  { variant, world }: ClientRules,
  state: State,
  name: 'tokenMark' | 'subjectMark',
): State {
  const partition = homeOf(world)
  const followed = state.followed[partition] as Followed
  const floor = variant === 'nofloor' ? followed.floor : Math.max(followed.floor, followed[name])
  return { ...state, followed: state.followed.with(partition, { ...followed, floor, [name]: 0 }) }
}

/** Rule 5: the store reads token and position in one step, at the primary. */
export function sendLookup({ world }: ClientRules, state: State): State {
  const { epoch, changes } = state.store[homeOf(world)] as History
  const reply = { epoch, seq: changes.length }
  return { ...state, flight: { age: 0, reply, isFenced: false, isTouched: false, owed: 0 } }
}

/**
 * Rule 14, single flight: a lookup joins the one that is under way. It is owed what was committed a bound before, and
 * what this client had been told of.
 */
export function joinFlight(
  { world }: ClientRules,
  state: State,
  flight: Flight,
): State | undefined {
  const history = state.store[homeOf(world)] as History
  const committed = lastOfToken(history, overdue(history.changes, world.bound))
  const owed = Math.max(world.isToldJudged ? state.told : 0, committed)
  return owed > flight.owed ? { ...state, flight: { ...flight, owed } } : undefined
}

/** What becomes of a reply: kept, returned but not kept, or thrown away. */
export type Verdict = 'store' | 'pass' | 'stale'

/** Rule 14. */
export function judge(rules: ClientRules, state: State, flight: Flight): Verdict {
  const { variant, world } = rules
  const { epoch, seq } = flight.reply
  const { floor, tokenMark, subjectMark, ...followed } = state.followed[homeOf(world)] as Followed
  if (flight.isFenced || flight.isTouched) return 'stale'
  if (!state.isSynced) return 'pass'
  if (epoch !== followed.epoch && variant !== 'noepoch') return 'pass'
  if (variant === 'placeholder') return 'store'
  const required = variant === 'noguard' ? floor : Math.max(floor, tokenMark, subjectMark)
  return seq >= required ? 'store' : 'stale'
}

/**
 * Rule 14, and more than it says: a reply that took as long as the bound is not returned. Otherwise it would answer
 * lookups that joined at any later time (variant `oldflight`). The product does not keep it either; here it may, since
 * the other rules must hold without that.
 */
export function isReturned(rules: ClientRules, { age }: Flight, verdict: Verdict): boolean {
  const { world, variant } = rules
  if (age >= world.bound && variant !== 'oldflight') return false
  return verdict !== 'stale' || variant === 'joiner'
}

/** The reply arrives. */
export function land(state: State, { reply }: Flight, verdict: Verdict): State {
  return { ...state, flight: undefined, entry: verdict === 'store' ? reply : state.entry }
}

/** Lets a tick pass for what the client counts. A probe as old as the bound can give nothing any more. */
export function ageClient({ world, variant }: ClientRules, state: State): State {
  const { bound } = world
  const { probe, flight, lease, socket } = state
  const isOver = probe !== undefined && probe.age + 1 >= bound && variant !== 'oneway'
  return {
    ...state,
    lease: Math.max(0, lease - 1),
    flight: flight && { ...flight, age: Math.min(bound, flight.age + 1) },
    probe: isOver ? undefined : probe && { ...probe, age: Math.min(bound, probe.age + 1) },
    socket: isOver ? socket?.filter(({ type }) => type !== 'lease') : socket,
  }
}
