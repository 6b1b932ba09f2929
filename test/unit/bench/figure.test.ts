import { describe, expect, it } from 'vitest'
import { figureOf, quantile, ratioOf } from '../../../bench/report/figure.ts'

describe('a figure', () => {
  it('is the median and the range of what was measured, in any order', () => {
    expect(figureOf([3, 1, 2])).toMatchObject({ median: 2, least: 1, most: 3, values: [3, 1, 2] })
    expect(figureOf([4, 1, 2, 3])).toMatchObject({ median: 2.5 })
    expect(figureOf([7])).toMatchObject({ median: 7, least: 7, most: 7 })
  })

  it('needs at least one measurement', () => {
    expect(() => figureOf([])).toThrow(RangeError)
  })

  it('is compared with another one round by round, not as a whole', () => {
    // A machine that is ten times slower in one round disturbs both.
    const [one, other] = [figureOf([10, 100, 12]), figureOf([5, 50, 6])]
    expect(ratioOf(one, other)).toMatchObject({ median: 2, least: 2, most: 2 })
  })
})

describe('a quantile', () => {
  it.each([
    [0, 10],
    [0.5, 30],
    [0.25, 20],
    [0.9, 46],
    [1, 50],
  ])('at %d lies between its neighbours', (share, expected) => {
    expect(quantile([10, 20, 30, 40, 50], share)).toBeCloseTo(expected)
  })
})
