import { describe, expect, it } from 'vitest'
import { createRefusalSampler } from '../../../http/audit/refusal-sampler.ts'

describe('a refusal sampler', () => {
  it('records the first, second, fourth … and says how many each stands for', () => {
    const sampler = createRefusalSampler(() => 0)
    const counts = Array.from({ length: 16 }, () => sampler.note('same')?.count)
    const recorded = counts.filter((count) => count !== undefined)
    expect(recorded).toEqual([1, 1, 2, 4, 8])
    expect(recorded.reduce((sum, count) => sum + count, 0)).toBe(16)
  })

  it('starts over in the next minute', () => {
    let now = 0
    const sampler = createRefusalSampler(() => now)
    for (let n = 0; n < 3; n++) sampler.note('same')
    expect(sampler.note('other')?.count).toBe(1)
    now = 59_999
    expect(sampler.note('other')?.count).toBe(1)
    expect(sampler.note('other')).toBeUndefined()
    now = 60_000
    expect(sampler.note('other')?.count).toBe(1)
  })

  it('writes little whatever an attacker makes up', () => {
    const sampler = createRefusalSampler(() => 0)
    let records = 0
    let attempts = 0
    for (let n = 0; n < 100_000; n++) {
      const noted = sampler.note(`made up ${n}`)
      if (noted === undefined) continue
      records += 1
      attempts += noted.count
    }
    expect(records).toBeLessThan(230)
    expect(attempts).toBeGreaterThan(50_000)
  })

  it('says which records stand for attempts of many kinds', () => {
    const sampler = createRefusalSampler(() => 0)
    const noted = Array.from({ length: 1_000 }, (_, n) => sampler.note(`made up ${n}`))
    const told = noted.filter((sample) => sample !== undefined)
    expect(told.filter(({ isMixed }) => !isMixed)).toHaveLength(200)
    expect(told.filter(({ isMixed }) => isMixed).map(({ count }) => count)).toEqual([
      1, 1, 2, 4, 8, 16, 32, 64, 128, 256,
    ])
    sampler.note('made up 0')
    expect(sampler.note('made up 0')).toBeUndefined()
    expect(sampler.note('made up 0')).toEqual({ count: 2, isMixed: false })
  })
})
