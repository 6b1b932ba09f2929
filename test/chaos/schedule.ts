/**
 * Which faults happen when: drawn from a seed before anything starts, so that a failing run can be printed and run again.
 * Faults of the same part follow each other, those of different parts overlap.
 */
import { createRandom, type Random } from './random.ts'

/** A proxy that a fault is done to. */
export type LinkName = `redis-link ${0 | 1 | 2}` | `http ${number}` | `feed ${number}`

/** One thing that goes wrong; it is put right after a while. */
export type Fault =
  | { readonly kind: 'delay'; readonly link: LinkName; readonly ms: number }
  | { readonly kind: 'hold up' | 'hold down' | 'hold both'; readonly link: LinkName }
  | { readonly kind: 'hold older' | 'cut' | 'refuse'; readonly link: LinkName }
  /** New connections all go to one node. */
  | { readonly kind: 'aim'; readonly link: LinkName; readonly node: 0 | 1 }
  | { readonly kind: 'kill redis' | 'freeze redis' }
  | { readonly kind: 'kill node' | 'freeze node' | 'stop node'; readonly node: 0 | 1 }
  /** The wall clock of a client jumps, and stays there. */
  | { readonly kind: 'step clock'; readonly client: number; readonly offsetMs: number }
  /** This process, and with it all clients and the issuer, does nothing at all. */
  | { readonly kind: 'stall'; readonly ms: number }

/** A fault with its place in time. */
export interface PlannedFault {
  /** From the start of the schedule, or later if the same part is still being put right. */
  readonly atMs: number
  readonly forMs: number
  readonly fault: Fault
}

/** A plan. */
export interface Schedule {
  readonly seed: number
  readonly clients: number
  readonly faults: readonly PlannedFault[]
}

const MEAN_GAP_MS = 180
const MAX_OFFSET_MS = 1_200_000

/** Draws a plan of 10 to 20 faults for 3 to 5 clients. */
export function planSchedule(seed: number): Schedule {
  const random = createRandom(seed)
  const clients = random.int(3, 5)
  const faults: PlannedFault[] = []
  let atMs = 0
  for (let left = random.int(10, 20); left > 0; left--) {
    atMs += random.int(0, 2 * MEAN_GAP_MS)
    // Mostly short, sometimes longer than any bound.
    const forMs = Math.round(30 + 1_400 * random.next() ** 2)
    faults.push({ atMs, forMs, fault: drawFault(random, clients) })
  }
  return { seed, clients, faults }
}

function drawFault(random: Random, clients: number): Fault {
  const die = random.next()
  const node = random.pick([0, 1] as const)
  if (die < 0.08) return { kind: 'kill redis' }
  if (die < 0.16) return { kind: 'freeze redis' }
  if (die < 0.21) return { kind: 'kill node', node }
  if (die < 0.27) return { kind: 'freeze node', node }
  if (die < 0.31) return { kind: 'stop node', node }
  if (die < 0.38) {
    const offsetMs = random.int(-MAX_OFFSET_MS, MAX_OFFSET_MS)
    return { kind: 'step clock', client: random.int(0, clients - 1), offsetMs }
  }
  if (die < 0.43) return { kind: 'stall', ms: random.int(20, 600) }
  return drawLinkFault(random, drawLink(random, clients))
}

function drawLink(random: Random, clients: number): LinkName {
  const client = random.int(0, clients - 1)
  const die = random.next()
  if (die < 0.3) return `redis-link ${random.pick([0, 1, 2] as const)}`
  return die < 0.75 ? `feed ${client}` : `http ${client}`
}

function drawLinkFault(random: Random, link: LinkName): Fault {
  const kind = random.pick([
    'delay',
    'hold up',
    'hold down',
    'hold both',
    'hold older',
    'cut',
    'refuse',
    'aim',
  ] as const)
  if (kind === 'delay') return { kind, link, ms: random.int(1, 150) }
  // Redis is one, so there is nowhere else to go.
  if (kind !== 'aim') return { kind, link }
  return link.startsWith('redis')
    ? { kind: 'cut', link }
    : { kind, link, node: random.pick([0, 1]) }
}

/** What faults of the same part have in common. */
export function partOf(fault: Fault): string {
  if ('link' in fault) return fault.link
  if ('node' in fault) return `node ${fault.node}`
  if ('client' in fault) return `clock ${fault.client}`
  return fault.kind === 'stall' ? 'stall' : 'redis'
}

/** A plan for people. */
export function describeSchedule({ seed, clients, faults }: Schedule): string {
  const lines = faults.map(({ atMs, forMs, fault }) => {
    const { kind, ...rest } = fault
    const details = Object.entries(rest).map(([name, value]) => `${name} ${value}`)
    return `  ${String(atMs).padStart(5)} ms  ${kind}, ${[...details, `for ${forMs} ms`].join(', ')}`
  })
  return [`schedule ${seed}, ${clients} clients`, ...lines].join('\n')
}
