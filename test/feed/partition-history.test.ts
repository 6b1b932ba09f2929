/** The history of a partition, compared with the simplest model: a list of everything that was ever applied. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PartitionHistory } from '../../introspect/feed/partition-history.ts'

const KEPT = 4
const epoch = fc.constantFrom('a', 'b')
const seq = fc.nat(12)
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('next' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('apply' as const), epoch, seq }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset' as const), epoch, seq }) },
)

const frameOf = (inEpoch: string, number: number) => Buffer.from(`${inEpoch}:${number}`)

describe('the history of a partition', () => {
  it('holds exactly the last events of its epoch, without a gap', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const history = new PartitionHistory(KEPT)
        let model = { epoch: '', floor: 0, events: [] as number[] }
        for (const move of steps) {
          const last = model.events.at(-1) ?? model.floor
          if (move.do === 'reset') {
            history.reset(move.epoch, move.seq)
            model = { epoch: move.epoch, floor: move.seq, events: [] }
            continue
          }
          const at = move.do === 'next' ? { epoch: model.epoch, seq: last + 1 } : move
          const outcome = history.apply(at.epoch, at.seq, frameOf(at.epoch, at.seq))
          const fits = at.epoch === model.epoch
          const expected = !fits
            ? 'other-epoch'
            : at.seq <= last
              ? 'ignored'
              : at.seq === last + 1
                ? 'applied'
                : 'gap'
          expect(outcome).toBe(expected)
          if (outcome === 'applied') model.events.push(at.seq)
        }
        const last = model.events.at(-1) ?? model.floor
        expect([history.epoch, history.seq]).toEqual([model.epoch, last])
        expect(history.floor).toBe(Math.max(model.floor, last - KEPT))
        for (let cursor = -1; cursor <= last + 1; cursor++) {
          const canGoOn = model.epoch !== '' && cursor >= history.floor && cursor <= last
          const following = model.events.filter((number) => number > cursor)
          expect(history.eventsAfter(model.epoch, cursor)?.map(String)).toEqual(
            canGoOn ? following.map((number) => `${model.epoch}:${number}`) : undefined,
          )
        }
        expect(history.eventsAfter('other', last)).toBeUndefined()
      }),
    )
  })

  it('has reached nothing before it is known', () => {
    const history = new PartitionHistory(KEPT)
    expect(history.hasReached('a', 0)).toBe(false)
    expect(history.apply('a', 1, frameOf('a', 1))).toBe('other-epoch')
    expect(history.eventsAfter('', 0)).toBeUndefined()
  })
})
