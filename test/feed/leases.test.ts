/** The gate of leases, one possible fault per test; the test decides when each read of the heads ends. */
import { describe, expect, it } from 'vitest'
import { LeaseGate } from '../../introspect/feed/lease-gate.ts'
import type { LogHead } from '../../store/change-log.ts'
import { createManualClock } from './manual-clock.ts'

const HEADS: readonly LogHead[] = [{ epoch: 'a', seq: 1, floor: 0 }]

/** No test here breaks an invariant. */
const onBroken = (error: Error) => {
  throw error
}

/** Lets all pending microtasks run. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

function setUp() {
  const clock = createManualClock()
  const log: string[] = []
  const headReads: PromiseWithResolvers<readonly LogHead[]>[] = []
  const reaches: PromiseWithResolvers<void>[] = []
  let isReached = true
  const gate = new LeaseGate({
    clock,
    onBroken,
    reader: {
      readHeads() {
        log.push('read')
        const read = Promise.withResolvers<readonly LogHead[]>()
        headReads.push(read)
        return read.promise
      },
      reach() {
        const reach = Promise.withResolvers<void>()
        reaches.push(reach)
        return reach.promise
      },
      hasReached: () => isReached,
    },
  })
  return {
    clock,
    log,
    gate,
    enter: (name: string) =>
      gate.enter({ pass: () => log.push(`${name} passes`), fail: () => log.push(`${name} fails`) }),
    setReached(value: boolean) {
      isReached = value
    },
    async answer(n: number, heads: readonly LogHead[] | Error = HEADS) {
      if (heads instanceof Error) headReads[n]?.reject(heads)
      else headReads[n]?.resolve(heads)
      await settled()
      reaches.at(-1)?.resolve()
      await settled()
    },
    /** Answers a read of the heads, and leaves the node reaching for them. */
    async answerHeads(n: number) {
      headReads[n]?.resolve(HEADS)
      await settled()
    },
    async endReach(n: number, error?: Error) {
      if (error === undefined) reaches[n]?.resolve()
      else reaches[n]?.reject(error)
      await settled()
    },
  }
}

describe('the gate of leases', () => {
  it('lets a ticket pass after a read that began after it came', async () => {
    const { enter, answer, log } = setUp()
    enter('one')
    expect(log).toEqual(['read'])
    await answer(0)
    expect(log).toEqual(['read', 'one passes'])
  })

  it('has a ticket that came during a read wait for the next one', async () => {
    const { enter, answer, log, clock } = setUp()
    enter('one')
    enter('two')
    await answer(0)
    expect(log).toEqual(['read', 'one passes'])
    clock.pass(19)
    expect(log).toHaveLength(2)
    clock.pass(1)
    expect(log).toEqual(['read', 'one passes', 'read'])
    await answer(1)
    expect(log.at(-1)).toBe('two passes')
  })

  it('has a ticket that came while the heads were being reached wait for the next read', async () => {
    const { enter, answerHeads, endReach, log } = setUp()
    enter('one')
    await answerHeads(0)
    enter('two')
    await endReach(0)
    expect(log).toEqual(['read', 'one passes'])
  })

  it('shares a read among all that came before it, and lets them pass in order', async () => {
    const { enter, answer, log, clock } = setUp()
    enter('one')
    await answer(0)
    for (const name of ['two', 'three', 'four']) enter(name)
    clock.pass(20)
    await answer(1)
    expect(log.slice(2)).toEqual(['read', 'two passes', 'three passes', 'four passes'])
  })

  it('lets no ticket pass before the heads are reached', async () => {
    const { enter, answerHeads, endReach, log } = setUp()
    enter('one')
    await answerHeads(0)
    expect(log).toEqual(['read'])
    await endReach(0)
    expect(log).toEqual(['read', 'one passes'])
  })

  it('reads again when the reader went to another history after the heads were read', async () => {
    const { enter, answerHeads, endReach, answer, setReached, log, clock } = setUp()
    enter('one')
    await answerHeads(0)
    setReached(false)
    await endReach(0)
    expect(log).toEqual(['read'])
    clock.pass(20)
    expect(log).toEqual(['read', 'read'])
    setReached(true)
    await answer(1)
    expect(log).toEqual(['read', 'read', 'one passes'])
  })

  it('fails the tickets of heads that cannot be read, and only those', async () => {
    const { enter, answer, log, clock } = setUp()
    enter('one')
    enter('two')
    await answer(0, new Error('no answer'))
    expect(log).toEqual(['read', 'one fails'])
    clock.pass(20)
    await answer(1)
    expect(log.slice(2)).toEqual(['read', 'two passes'])
  })

  it('fails the tickets of heads that cannot be reached', async () => {
    const { enter, answerHeads, endReach, log } = setUp()
    enter('one')
    await answerHeads(0)
    await endReach(0, new Error('no answer'))
    expect(log).toEqual(['read', 'one fails'])
  })

  it('rests after a long read, but not for long', async () => {
    const { enter, answerHeads, endReach, log, clock } = setUp()
    enter('one')
    await answerHeads(0)
    clock.pass(50)
    await endReach(0)
    enter('two')
    clock.pass(199)
    expect(log.filter((line) => line === 'read')).toHaveLength(1)
    clock.pass(1)
    expect(log.filter((line) => line === 'read')).toHaveLength(2)
    await answerHeads(1)
    clock.pass(10_000)
    await endReach(1)
    enter('three')
    clock.pass(500)
    expect(log.filter((line) => line === 'read')).toHaveLength(3)
  })

  it('says nothing more once it is closed', async () => {
    const { enter, answer, gate, log, clock } = setUp()
    enter('one')
    enter('two')
    gate.close()
    await answer(0)
    enter('three')
    clock.pass(1_000)
    expect(log).toEqual(['read'])
  })

  it('does not read for a ticket that was due when it was closed', async () => {
    const { enter, answer, gate, log, clock } = setUp()
    enter('one')
    enter('two')
    await answer(0)
    expect(log).toEqual(['read', 'one passes'])
    gate.close()
    enter('three')
    clock.pass(1_000)
    expect(log).toEqual(['read', 'one passes'])
  })

  it.each(['pass', 'fail'])(
    'stays closed when a ticket closes it as it comes to %s',
    async (end) => {
      const { answer, enter, gate, log, clock } = setUp()
      gate.enter({ pass: () => gate.close(), fail: () => gate.close() })
      enter('two')
      await answer(0, end === 'pass' ? HEADS : new Error('no answer'))
      enter('three')
      clock.pass(1_000)
      expect(log).toEqual(['read'])
    },
  )
})
