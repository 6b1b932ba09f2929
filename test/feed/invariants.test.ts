/** Broken invariants of the feed are noticed, reported, and answered by the safe way out: never by a lease. */
import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { Broadcast } from '../../introspect/feed/broadcast.ts'
import { FeedConnection } from '../../introspect/feed/connection.ts'
import { ConnectionState } from '../../introspect/feed/connection-state.ts'
import { encodeFrame } from '../../introspect/feed/frames.ts'
import { InvariantError } from '../../introspect/feed/invariant.ts'
import { LeaseGate, type Ticket, TicketQueue } from '../../introspect/feed/lease-gate.ts'
import { feedLimits } from '../../introspect/feed/limits.ts'
import { LogReader } from '../../introspect/feed/log-reader.ts'
import { PartitionHistory } from '../../introspect/feed/partition-history.ts'
import type { ChangeListener, ChangeLog, LogHead, LogPage } from '../../store/change-log.ts'
import { createManualClock } from './manual-clock.ts'

const LIMITS = feedLimits(1)
const FRAME = encodeFrame({ type: 'reset', partition: 0, epoch: 'a', seq: 1 })
const HEAD: LogHead = { epoch: 'a', seq: 0, floor: 0 }
const event = (seq: number) => ({
  seq,
  event: { type: 'schema' as const, id: 'x' } as never, // its content does not matter here
  json: '{}',
})
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))
const nothing = () => undefined

describe('the history of a partition', () => {
  it('is not reset to what is no position', () => {
    const history = new PartitionHistory(4)
    for (const seq of [-1, 1.5, Number.NaN]) {
      expect(() => history.reset('a', seq)).toThrow(InvariantError)
    }
    expect(() => history.reset('', 1)).toThrow(InvariantError)
    expect([history.epoch, history.seq]).toEqual(['', 0])
  })

  it('does not hand out a gap', () => {
    const history = new PartitionHistory(4)
    history.reset('a', 1)
    history.seq = 3
    expect(() => history.eventsAfter('a', 1)).toThrow(InvariantError)
  })
})

describe('the tickets of the gate', () => {
  const ticket: Ticket = { pass: nothing, fail: nothing }

  it('pass only after a read, and reads do not overlap', () => {
    const queue = new TicketQueue()
    expect(() => queue.beginRead()).toThrow(InvariantError)
    queue.add(ticket)
    expect(() => queue.pass()).toThrow(InvariantError)
    queue.beginRead()
    queue.add(ticket)
    expect(() => queue.beginRead()).toThrow(InvariantError)
    expect(queue.pass()).toEqual([ticket])
  })
})

describe('the state of a connection', () => {
  function live() {
    const state = new ConnectionState(LIMITS, 0)
    state.received({ type: 'hello', version: 1 })
    state.goLive(7)
    state.received({ type: 'probe', n: 1 })
    return state
  }

  it('allows a lease only after every change', () => {
    expect(live().mayLease(1, 7)).toBe(true)
    expect(() => live().mayLease(1, 8)).toThrow(InvariantError)
  })

  it('allows one lease per probe', () => {
    const state = live()
    expect(() => state.mayLease(2, 7)).toThrow(InvariantError)
    expect(() => state.probeSettled()).toThrow(InvariantError)
  })

  it('takes changes once and in order', () => {
    for (const number of [7, 9]) expect(() => live().delivering(number)).toThrow(InvariantError)
  })

  it('starts once, and hears nothing from the past', () => {
    const state = live()
    expect(() => state.goLive(7)).toThrow(InvariantError)
    expect(() => state.heard(-1)).toThrow(InvariantError)
    state.phase = 'closed'
    expect(() => state.received(undefined)).toThrow(InvariantError)
  })
})

class FakeSocket extends EventEmitter {
  readonly bufferedAmount = 0
  readonly written: { readonly type: string }[] = []
  code: number | undefined
  send(frame: Buffer): void {
    this.written.push(JSON.parse(String(frame)) as { type: string })
  }
  close(code: number): void {
    this.code = code
  }
  say(frame: object): void {
    this.emit('message', Buffer.from(JSON.stringify(frame)), false)
  }
}

describe('a connection that has missed a change', () => {
  function setUp() {
    const broken: Error[] = []
    const tickets: Ticket[] = []
    const broadcast = new Broadcast()
    const history = new PartitionHistory(4)
    history.reset('a', 1)
    const socket = new FakeSocket()
    const metrics = { broadcast: nothing, reset: nothing, slowClosed: nothing }
    const connection = new FeedConnection(
      socket as unknown as WebSocket,
      {
        histories: [history],
        gate: { enter: (ticket: Ticket) => void tickets.push(ticket) } as LeaseGate,
        broadcast,
        clock: createManualClock(),
        limits: LIMITS,
        metrics: { ...metrics, probed: nothing, leased: nothing, restored: nothing },
        onBroken: (error) => void broken.push(error),
      },
      { joined: nothing, left: nothing },
    )
    socket.say({ type: 'hello', version: 1 })
    tickets.shift()?.pass()
    return { broken, tickets, broadcast, socket, connection }
  }

  it('is closed instead of receiving the next one', () => {
    const { broken, broadcast, socket, connection } = setUp()
    broadcast.send(FRAME)
    connection.deliver(FRAME, 3)
    expect(socket.written.map(({ type }) => type)).toEqual(['start', 'reset'])
    expect([socket.code, broken.length]).toEqual([1011, 1])
  })

  it('is closed instead of getting a lease', () => {
    const { broken, tickets, broadcast, socket, connection } = setUp()
    broadcast.leave(connection)
    broadcast.send(FRAME)
    socket.say({ type: 'probe', n: 1 })
    tickets.shift()?.pass()
    expect(socket.written.map(({ type }) => type)).toEqual(['start'])
    expect([socket.code, broken.length]).toEqual([1011, 1])
  })
})

describe('the reader of the log', () => {
  /** A log of one partition whose answers a test sets. */
  function setUp() {
    const clock = createManualClock()
    const broken: Error[] = []
    const resets: string[] = []
    const answers = { heads: [HEAD], page: { ...HEAD, events: [] } as LogPage }
    let listener: ChangeListener | undefined
    let fault: Error | undefined
    const log: ChangeLog = {
      partitions: 1,
      heads: async () => answers.heads,
      read: async () => answers.page,
      subscribe(subscriber) {
        listener = subscriber
        return { close: nothing }
      },
    }
    const onBroken = (error: Error) => void broken.push(error)
    const reader = new LogReader({
      log,
      clock,
      onBroken,
      onTrouble: nothing,
      onRecovery: nothing,
      listener: {
        changed() {
          if (fault !== undefined) throw fault
        },
        reset: (_partition, { epoch, seq }) => void resets.push(`${epoch}:${seq}`),
      },
    })
    const gate = new LeaseGate({ reader, clock, onBroken })
    reader.start()
    const ask = async (): Promise<'passes' | 'fails'> => {
      const { promise, resolve } = Promise.withResolvers<'passes' | 'fails'>()
      // The gate rests between two reads.
      clock.pass(20)
      gate.enter({ pass: () => resolve('passes'), fail: () => resolve('fails') })
      return promise
    }
    return {
      answers,
      broken,
      resets,
      reader,
      ask,
      publish: (seq: number) => listener?.published({ partition: 0, epoch: 'a', ...event(seq) }),
      setFault: (error: Error | undefined) => {
        fault = error
      },
    }
  }

  it('gives no lease when the log returns no heads', async () => {
    const { answers, broken, ask } = setUp()
    await settled()
    expect(await ask()).toBe('passes')
    answers.heads = []
    expect(await ask()).toBe('fails')
    expect(broken).toHaveLength(1)
  })

  it('forgets a partition whose change could not be passed on, and resets it from the log', async () => {
    const { answers, broken, resets, reader, ask, publish, setFault } = setUp()
    await settled()
    setFault(new InvariantError('made up'))
    publish(1)
    expect([broken.length, reader.histories[0]?.epoch]).toEqual([1, ''])
    setFault(undefined)
    answers.heads = [{ ...HEAD, seq: 1 }]
    answers.page = { ...HEAD, seq: 1, events: [] }
    expect(await ask()).toBe('passes')
    expect([resets, reader.histories[0]?.seq]).toEqual([['a:1'], 1])
  })

  it('gives no lease while a page breaks an invariant', async () => {
    const { answers, broken, ask, setFault } = setUp()
    await settled()
    setFault(new InvariantError('made up'))
    answers.heads = [{ ...HEAD, seq: 1 }]
    answers.page = { ...HEAD, seq: 1, events: [event(1)] }
    expect(await ask()).toBe('fails')
    expect(broken.length).toBeGreaterThan(0)
  })
})
