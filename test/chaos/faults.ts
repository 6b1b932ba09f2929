/** Carries out a schedule: one lane for each part, in which every fault is healed before the next one begins. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosClient } from './chaos-client.ts'
import type { ChaosWorld } from './chaos-world.ts'
import type { FaultProxy } from './fault-proxy.ts'
import type { FeedNode } from './feed-node.ts'
import { type Fault, type LinkName, type PlannedFault, partOf } from './schedule.ts'

/** What faults are injected into. */
export interface Victims {
  readonly world: ChaosWorld
  readonly clients: readonly ChaosClient[]
}

/** Runs all faults; resolves when every one is healed. */
export async function runFaults(victims: Victims, faults: readonly PlannedFault[]): Promise<void> {
  const startedAt = performance.now()
  const lanes = Map.groupBy(faults, ({ fault }) => partOf(fault))
  await Promise.all([...lanes.values()].map((lane) => runLane(victims, lane, startedAt)))
}

async function runLane(victims: Victims, lane: readonly PlannedFault[], startedAt: number) {
  for (const { atMs, forMs, fault } of lane) {
    await delay(Math.max(0, startedAt + atMs - performance.now()))
    const heal = await inject(victims, fault)
    await delay(forMs)
    await heal()
  }
}

type Heal = () => unknown

async function inject({ world, clients }: Victims, fault: Fault): Promise<Heal> {
  const { redis, nodes } = world
  switch (fault.kind) {
    case 'kill redis':
      await redis.kill()
      return redis.start
    case 'freeze redis':
      redis.pause()
      return redis.resume
    case 'kill node':
      await nodes[fault.node].kill()
      return nodes[fault.node].start
    case 'stop node':
      await nodes[fault.node].stopInOrder()
      return nodes[fault.node].start
    case 'freeze node':
      nodes[fault.node].freeze()
      return nodes[fault.node].thaw
    case 'step clock':
      clients[fault.client]?.setWallOffset(fault.offsetMs)
      return () => undefined
    case 'stall':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, fault.ms)
      return () => undefined
    default:
      return injectIntoLink(linkOf({ world, clients }, fault.link), fault, nodes)
  }
}

type LinkFault = Extract<Fault, { readonly link: LinkName }>

function injectIntoLink(link: FaultProxy, fault: LinkFault, nodes: readonly FeedNode[]): Heal {
  switch (fault.kind) {
    case 'delay':
      link.delay(fault.ms)
      return link.heal
    case 'hold up':
      link.hold('up')
      return link.heal
    case 'hold down':
      link.hold('down')
      return link.heal
    case 'hold both':
      link.hold('both')
      return link.heal
    case 'hold older':
      link.holdOlder()
      return link.heal
    case 'refuse':
      link.refuse()
      link.cut()
      return link.heal
    case 'cut':
      link.cut()
      return () => undefined
    case 'aim':
      link.aim([(nodes[fault.node] as FeedNode).port])
      link.cut()
      return () => link.aim(nodes.map(({ port }) => port))
  }
}

function linkOf({ world, clients }: Victims, name: LinkName): FaultProxy {
  const [kind, n] = name.split(' ')
  const client = clients[Number(n)]
  const link =
    kind === 'redis-link'
      ? world.redisLinks[Number(n)]
      : kind === 'http'
        ? client?.http
        : client?.feed
  if (link === undefined) throw new Error(`there is no link ${name}`)
  return link
}
