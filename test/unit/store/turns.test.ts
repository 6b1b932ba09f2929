/** Writers of one record go one after the other, and do not wait for ever. */
import { expect, it } from 'vitest'
import { StoreBusyError } from '../../../store/errors.ts'
import { createTurns } from '../../../store/turns.ts'

function heldWork() {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let hasBegun = false
  const work = () => {
    hasBegun = true
    return promise
  }
  return { work, resolve, reject, hasBegun: () => hasBegun }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

it('a writer begins once the writer before it is done, even if that one failed', async () => {
  const inTurn = createTurns<string>()
  const [first, second] = [heldWork(), heldWork()]
  const failed = inTurn('record', first.work)
  const done = inTurn('record', second.work)
  await settled()
  expect([first.hasBegun(), second.hasBegun()]).toEqual([true, false])
  first.reject(new Error('no'))
  await expect(failed).rejects.toThrow('no')
  await settled()
  expect(second.hasBegun()).toBe(true)
  second.resolve('done')
  expect(await done).toBe('done')
})

it('writers of different records do not wait for each other', async () => {
  const inTurn = createTurns<string>()
  void inTurn('record', heldWork().work)
  expect(await inTurn('another', async () => 'done')).toBe('done')
})

it('a writer that has waited for too long is refused and writes nothing', async () => {
  let now = 0
  const inTurn = createTurns<string>({ now: () => now })
  const [slow, late] = [heldWork(), heldWork()]
  const first = inTurn('record', slow.work)
  const second = inTurn('record', late.work)
  await settled()
  now = 10_001
  const third = inTurn('record', async () => 'done')
  slow.resolve('slow')
  expect(await first).toBe('slow')
  await expect(second).rejects.toThrow(StoreBusyError)
  expect(late.hasBegun()).toBe(false)
  expect(await third).toBe('done')
})
