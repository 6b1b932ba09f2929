/**
 * The protocol as a graph: which steps may follow a state, and which of the promises a state or a step breaks.
 *
 * - A hit reflects every standing change that was committed at least the bound ago (P3).
 * - A hit reflects every standing change this client was told of.
 * - Who joined a lookup is owed the same, as of the moment of joining.
 *
 * "Standing" excludes what a failover has lost. Deciding is left to search.ts; the rules are in server-rules.ts and
 * client-rules.ts.
 */
import {
  ageClient,
  type ClientRules,
  deliver,
  disconnect,
  evictMark,
  homeOf,
  isReturned,
  isServed,
  joinFlight,
  judge,
  land,
  sendLookup,
  start,
} from './client-rules.ts'
import { lacks, overdue, reflected } from './history.ts'
import {
  ageStore,
  answerProbe,
  commit,
  failOver,
  readNext,
  sayHello,
  sendProbe,
  waysToStart,
} from './server-rules.ts'
import type { Flight, Followed, History, Position, State, World } from './state.ts'
import type { Variant } from './variants.ts'

/** The ways to break a promise. */
export const BREACH = {
  lateHit: 'a hit is later than the bound',
  forgetfulHit: 'a hit lacks what the client was told',
  lateJoiner: 'who joined a lookup gets less than is owed',
} as const

/** What may happen next. */
interface Step {
  readonly label: string
  readonly next: State
  /** The promise this very step breaks. */
  readonly breach?: string
}

/** One variant of the protocol in one world. */
export interface Protocol {
  readonly world: World
  stepsFrom(state: State): readonly Step[]
  isServed(state: State): boolean
  /** The promise that would be broken by a lookup in this state. */
  breachIn(state: State): string | undefined
}

type Add = (label: string, next: State | undefined, breach?: string) => void

/** Makes the graph of a variant. */
export function createProtocol(world: World, variant: Variant): Protocol {
  const rules: ClientRules = { world, variant }
  return {
    world,
    isServed,
    breachIn: (state) => (isServed(state) ? lateness(rules, state) : undefined),
    stepsFrom(state) {
      const steps: Step[] = []
      const add: Add = (label, next, breach) => {
        if (next === undefined) return
        steps.push(breach === undefined ? { label, next } : { label, next, breach })
      }
      addTime(rules, state, add)
      addStore(rules, state, add)
      addConnection(rules, state, add)
      addProbe(rules, state, add)
      addLookup(rules, state, add)
      return steps
    },
  }
}

function lateness({ world }: ClientRules, state: State): string | undefined {
  const history = state.store[homeOf(world)] as History
  const known = reflected(history, state.entry as Position)
  if (lacks(history, known, overdue(history.changes, world.bound))) return BREACH.lateHit
  if (world.isToldJudged && lacks(history, known, state.told)) return BREACH.forgetfulHit
  return undefined
}

function addTime(rules: ClientRules, state: State, add: Add): void {
  const { world } = rules
  add('a tick passes', ageClient(rules, { ...state, store: ageStore(state.store, world) }))
}

function addStore(rules: ClientRules, state: State, add: Add): void {
  const { world } = rules
  state.store.forEach((history, partition) => {
    const kinds = partition === homeOf(world) ? world.kinds : (['other'] as const)
    if (state.commits < world.commits) {
      for (const kind of kinds) add(`commit, ${kind} (1)`, commit(state, partition, kind))
    }
    if (history.epoch < world.failovers) addFailovers(rules, state, partition, add)
  })
}

function addFailovers({ world }: ClientRules, state: State, partition: number, add: Add): void {
  const { length } = (state.store[partition] as History).changes
  add('failover, nothing lost (4)', failOver(state, partition, length))
  if (length === 0) return
  const lost = failOver(state, partition, length - 1)
  const isHome = partition === homeOf(world)
  add('failover, last change lost (4)', isHome ? forgetLost(lost, length - 1) : lost)
}

/** What was lost stands no more, so nobody is owed it. */
function forgetLost(state: State, kept: number): State {
  const { told, flight } = state
  const owed = Math.min(flight?.owed ?? 0, kept)
  return { ...state, told: Math.min(told, kept), flight: flight && { ...flight, owed } }
}

function addConnection(rules: ClientRules, state: State, add: Add): void {
  const { variant } = rules
  const { socket, node } = state
  if (socket === undefined) {
    if (variant === 'gated') add('hello is sent, heads are read (9)', sayHello(state))
    if (variant === 'gated' && state.gate === undefined) return
    for (const starts of waysToStart(state, variant)) {
      const ways = starts.map(({ how }) => how).join(', ')
      add(`connected: ${ways} (9, 19)`, start(rules, state, starts))
    }
    return
  }
  node.forEach((_, partition) => {
    for (const next of readNext(state, partition, variant)) {
      add('the node reads on (8)', answerProbe(next, variant))
    }
  })
  add('the connection is lost (17)', disconnect(state))
  if (socket[0] !== undefined) add(ARRIVAL[socket[0].type], deliver(rules, state))
}

const ARRIVAL = {
  event: 'event arrives (15)',
  reset: 'reset arrives (18)',
  lease: 'lease arrives (16)',
} as const

function addProbe({ variant }: ClientRules, state: State, add: Add): void {
  const { socket, probe, lease } = state
  if (socket === undefined || probe !== undefined || lease > 0) return
  add('probe is sent, heads are read (10)', answerProbe(sendProbe(state, variant), variant))
}

function addLookup(rules: ClientRules, state: State, add: Add): void {
  const { entry, flight } = state
  addEvictions(rules, state, add)
  if (flight === undefined) {
    if (entry === undefined) add('lookup is sent and read (5)', sendLookup(rules, state))
    return
  }
  if (rules.world.canJoin) add('a lookup joins (14)', joinFlight(rules, state, flight))
  addLanding(rules, state, flight, add)
}

function addEvictions(rules: ClientRules, state: State, add: Add): void {
  if (!rules.world.canEvict) return
  const { tokenMark, subjectMark } = state.followed[homeOf(rules.world)] as Followed
  if (tokenMark > 0) add('mark of the token is evicted (14)', evictMark(rules, state, 'tokenMark'))
  if (subjectMark > 0) {
    add('mark of the subject is evicted (14)', evictMark(rules, state, 'subjectMark'))
  }
}

function addLanding(rules: ClientRules, state: State, flight: Flight, add: Add): void {
  const verdict = judge(rules, state, flight)
  const breach = isReturned(rules, flight, verdict) ? shortfall(rules, state, flight) : undefined
  add(`reply arrives: ${verdict} (14)`, land(state, flight, verdict), breach)
}

function shortfall({ world }: ClientRules, { store }: State, flight: Flight): string | undefined {
  const history = store[homeOf(world)] as History
  const known = reflected(history, flight.reply)
  return lacks(history, known, flight.owed) ? BREACH.lateJoiner : undefined
}
