/**
 * The reader, the gate and the connections under every order of things that fast-check comes up with: messages lost,
 * late and out of order, answers late, logs trimmed, primaries replaced, clients coming and going between any two steps.
 * Two things must hold whatever happens: a client is told a sequence without a gap, and a lease is true.
 */
import { EventEmitter } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import type { FeedCursor, ServerFrame } from '../../client/src/wire/index.ts'
import { Broadcast } from '../../introspect/feed/broadcast.ts'
import { FeedConnection } from '../../introspect/feed/connection.ts'
import { encodeFrame } from '../../introspect/feed/frames.ts'
import { LeaseGate } from '../../introspect/feed/lease-gate.ts'
import { feedLimits } from '../../introspect/feed/limits.ts'
import { LogReader } from '../../introspect/feed/log-reader.ts'
import { createManualClock } from './manual-clock.ts'
import { type Acknowledged, createSimulatedLog } from './simulated-log.ts'

const PARTITIONS = 2

const partition = fc.nat(PARTITIONS - 1)
const act = fc.oneof(
  {
    weight: 16,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      picks: fc.array(fc.nat(1_000), { minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('change' as const), partition }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('probe' as const), client: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lose' as const), pick: fc.nat(1_000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reconnect' as const), client: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(600) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('trim' as const), partition, keep: fc.nat(3) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('fail over' as const), partition, lost: fc.nat(2) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('reachable' as const), value: fc.boolean() }),
  },
)

/** The WebSocket of a client, as far as a connection uses it. */
class FakeSocket extends EventEmitter {
  readonly OPEN = 1
  readonly readyState = 1
  readonly bufferedAmount = 0
  readonly written: ServerFrame[] = []
  code: number | undefined
  send(frame: Buffer): void {
    this.written.push(JSON.parse(String(frame)) as ServerFrame)
  }
  close(code: number): void {
    this.code = code
  }
  terminate(): void {
    this.emit('close')
  }
  ping(): void {}
}

/** A client that keeps positions and remembers what had been acknowledged when each of its probes left. */
interface ModelClient {
  socket: FakeSocket
  cursors: Record<string, FeedCursor>
  probes: Map<number, readonly Acknowledged[]>
  read: number
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

function setUp() {
  const simulated = createSimulatedLog(PARTITIONS)
  const clock = createManualClock()
  const broadcast = new Broadcast()
  const broken: Error[] = []
  const onBroken = (error: Error) => void broken.push(error)
  const reader = new LogReader({
    log: simulated.log,
    clock,
    keptEvents: 4,
    onTrouble: () => undefined,
    onRecovery: () => undefined,
    onBroken,
    listener: {
      changed(_partition, _event, frame) {
        broadcast.send(frame)
      },
      reset(n, { epoch, seq }) {
        broadcast.send(encodeFrame({ type: 'reset', partition: n, epoch, seq }))
      },
    },
  })
  const gate = new LeaseGate({ reader, clock, onBroken })
  const nothing = () => undefined
  const environment = {
    histories: reader.histories,
    gate,
    broadcast,
    onBroken,
    clock,
    limits: { ...feedLimits(PARTITIONS), maxFramesPerSecond: Number.POSITIVE_INFINITY },
    metrics: {
      broadcast: nothing,
      reset: nothing,
      slowClosed: nothing,
      probed: nothing,
      leased: nothing,
      restored: nothing,
    },
  }
  const listener = { joined: nothing, left: nothing }
  reader.start()
  const connect = (cursors: Record<string, FeedCursor>): ModelClient => {
    const socket = new FakeSocket()
    new FeedConnection(socket as unknown as WebSocket, environment, listener)
    say(socket, { type: 'hello', version: 1, cursors })
    return { socket, cursors: { ...cursors }, probes: new Map(), read: 0 }
  }
  return {
    simulated,
    clock,
    broken,
    connect,
    probe: (n: number, { socket }: ModelClient) => say(socket, { type: 'probe', n }),
  }
}

function say(socket: FakeSocket, frame: object): void {
  socket.emit('message', Buffer.from(JSON.stringify(frame)), false)
}

/** Reads what came since the last time, and checks each frame. */
function readOn(client: ModelClient): void {
  const { cursors, socket } = client
  for (const frame of socket.written.slice(client.read)) {
    if (frame.type === 'start') {
      for (const [n, [how, epoch, seq]] of frame.partitions.entries()) {
        if (how === 'reset') cursors[n] = [epoch, seq]
        else expect(cursors[n]?.[0], 'a resume keeps the epoch').toBe(epoch)
      }
    } else if (frame.type === 'reset') {
      cursors[frame.partition] = [frame.epoch, frame.seq]
    } else if (frame.type === 'event') {
      const [epoch, seq] = cursors[frame.partition] as FeedCursor
      expect([frame.epoch, frame.seq], 'events have no gap').toEqual([epoch, seq + 1])
      const told = `${frame.partition}/${frame.epoch}/${frame.seq}`
      expect(frame.event, 'events are what was logged').toEqual({ type: 'subject', sub: told })
      cursors[frame.partition] = [frame.epoch, frame.seq]
    } else if (frame.type === 'lease') {
      checkLease(client, frame.n)
    }
  }
  client.read = socket.written.length
}

/** Everything acknowledged before the probe left has been told, or its partition was dropped for another history. */
function checkLease({ cursors, probes }: ModelClient, n: number): void {
  for (const change of probes.get(n) as readonly Acknowledged[]) {
    const [epoch, seq] = cursors[change.partition] as FeedCursor
    const isCovered =
      epoch === change.epoch ? seq >= change.seq : Number(epoch) > Number(change.epoch)
    expect(isCovered, `lease ${n} covers ${JSON.stringify(change)}, is at ${epoch}:${seq}`).toBe(
      true,
    )
  }
}

describe('under any interleaving', () => {
  it('a client is told a sequence without a gap, and every lease is true', async () => {
    let leases = 0
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 20, maxLength: 250 }), async (acts) => {
        const { simulated, clock, broken, connect, probe } = setUp()
        const { pending } = simulated
        const clients = Array.from({ length: 3 }, () => connect({}))
        let probes = 0
        const take = (pick: number) => pending.splice(pick % pending.length, 1)[0]
        const deliver = async (pick: number) => {
          if (pending.length > 0) take(pick)?.run()
          await turn()
          for (const client of clients) readOn(client)
        }
        for (const move of acts) {
          if (move.do === 'deliver') for (const pick of move.picks) await deliver(pick)
          else if (move.do === 'change') simulated.change(move.partition)
          else if (move.do === 'trim') simulated.trim(move.partition, move.keep)
          else if (move.do === 'fail over') simulated.failOver(move.partition, move.lost)
          else if (move.do === 'reachable') simulated.setReachable(move.value)
          else if (move.do === 'pass') clock.pass(move.ms)
          else if (move.do === 'lose') {
            const lost = pending.length > 0 ? take(move.pick) : undefined
            // What may not vanish comes later than everything else.
            if (lost?.isMessage === false) pending.push(lost)
          } else if (move.do === 'probe') {
            const client = clients[move.client] as ModelClient
            client.probes.set(++probes, simulated.acknowledged())
            probe(probes, client)
          } else if (move.do === 'reconnect') {
            const old = clients[move.client] as ModelClient
            old.socket.terminate()
            clients[move.client] = connect(old.cursors)
          }
        }
        simulated.setReachable(true)
        // In calm weather everybody gets a lease again; a probe of the bad times may stay without.
        const calm = ++probes
        const isLeased = ({ socket }: ModelClient) =>
          socket.written.some((frame) => frame.type === 'lease' && frame.n >= calm)
        for (let rounds = 0; rounds < 10 && !clients.every(isLeased); rounds++) {
          probes++
          for (const client of clients) {
            client.probes.set(probes, simulated.acknowledged())
            probe(probes, client)
          }
          for (let n = 0; n < 100; n++) {
            clock.pass(5)
            await deliver(n * 7)
          }
        }
        expect(clients.every(isLeased), 'all have a lease in the end').toBe(true)
        leases += clients.reduce(
          (sum, { socket }) => sum + socket.written.filter(({ type }) => type === 'lease').length,
          0,
        )
        for (const { socket } of clients) expect(socket.code).toBeUndefined()
        expect(broken, 'no invariant is broken').toEqual([])
      }),
      { numRuns: 300 },
    )
    // The property would hold of a node that never says anything.
    expect(leases).toBeGreaterThan(300)
  })
})
