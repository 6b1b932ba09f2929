import { describe, expect, it } from 'vitest'
import { interleave } from '../../../bench/harness/rounds.ts'

describe('rounds', () => {
  const run = async (rounds: number, warmUps?: number) => {
    const order: string[] = []
    const steps: string[] = []
    const sampler = (name: string) => async () => order.push(name)
    const contenders = { a: sampler('a'), b: sampler('b'), c: sampler('c') }
    const step = (text: string): number => steps.push(text)
    const samples = await interleave(rounds, contenders, step, warmUps)
    return { order: order.join(''), samples, steps }
  }

  it('sample every contender in turn, forth and back, after one that does not count', async () => {
    const { order, samples } = await run(3)
    expect(order).toBe('abccbaabccba')
    expect(samples).toEqual({ a: [6, 7, 12], b: [5, 8, 11], c: [4, 9, 10] })
  })

  it('report the round and the contender', async () => {
    const { steps } = await run(1, 2)
    expect(steps.slice(0, 1)).toEqual(['warm-up: c'])
    expect(steps.slice(3, 4)).toEqual(['warm-up: a'])
    expect(steps.slice(6)).toEqual(['round 1 of 1: c', 'round 1 of 1: b', 'round 1 of 1: a'])
  })

  it('end with the failure of a sample', async () => {
    const failing = { a: () => Promise.reject(new Error('down')) }
    await expect(interleave(1, failing, () => undefined)).rejects.toThrow('down')
  })
})
