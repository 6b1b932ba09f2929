/** Void tokens: the oldest goes first, and remembering the same ones again and again takes no more room. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { createNegativeCache } from '../../client/src/cache/negative-cache.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function heapBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

it('gives up the oldest when there is no room, and what was added again counts as new', () => {
  const cache = createNegativeCache(3)
  for (const key of ['a', 'b', 'c', 'a', 'd', 'e']) cache.add(key, 10)
  expect(['a', 'b', 'c', 'd', 'e'].filter((key) => cache.has(key, 9))).toEqual(['a', 'd', 'e'])
  expect([cache.has('a', 10), cache.size]).toEqual([false, 3])
})

it.each([
  [
    'added again',
    (cache: ReturnType<typeof createNegativeCache>, n: number) => cache.add(`${n}`, n),
  ],
  [
    'cleared',
    (cache: ReturnType<typeof createNegativeCache>, n: number) => {
      if (n === 0) cache.clear()
      cache.add(`${n}`, n)
    },
  ],
])('takes no more room however often the same tokens are %s', (_, act) => {
  const [tokens, rounds, mostBytes] = [1_000, 1_000, 5 * 2 ** 20]
  const cache = createNegativeCache(10 * tokens)
  for (let n = 0; n < tokens; n++) act(cache, n)
  const before = heapBytes()
  for (let round = 0; round < rounds; round++) for (let n = 0; n < tokens; n++) act(cache, n)
  expect(heapBytes() - before).toBeLessThan(mostBytes)
  expect(cache.size).toBe(tokens)
})
