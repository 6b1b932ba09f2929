import { describe, expect, it } from 'vitest'
import { createRefusalSampler } from '../../../http/refusal-sampler.ts'

describe('a refusal sampler', () => {
  it('records the first, second, fourth … and says how many each stands for', () => {
    const sampler = createRefusalSampler(() => 0)
    const counts = Array.from({ length: 16 }, () => sampler.note('same'))
    const recorded = counts.filter((count) => count !== undefined)
    expect(recorded).toEqual([1, 1, 2, 4, 8])
    expect(recorded.reduce((sum, count) => sum + count, 0)).toBe(16)
  })

  it('starts over in the next minute', () => {
    let now = 0
    const sampler = createRefusalSampler(() => now)
    for (let n = 0; n < 3; n++) sampler.note('same')
    expect(sampler.note('other')).toBe(1)
    now = 59_999
    expect(sampler.note('other')).toBe(1)
    expect(sampler.note('other')).toBeUndefined()
    now = 60_000
    expect(sampler.note('other')).toBe(1)
  })

  it('writes little whatever an attacker makes up', () => {
    const sampler = createRefusalSampler(() => 0)
    let records = 0
    let attempts = 0
    for (let n = 0; n < 100_000; n++) {
      const count = sampler.note(`made up ${n}`)
      if (count === undefined) continue
      records += 1
      attempts += count
    }
    expect(records).toBeLessThan(230)
    expect(attempts).toBeGreaterThan(50_000)
  })
})
