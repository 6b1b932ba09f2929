import { describe, expect, it } from 'vitest'
import { interleave } from '../../../bench/rounds.ts'

describe('rounds', () => {
  const run = async (rounds: number, warmUps?: number) => {
    const order: string[] = []
    const told: string[] = []
    const contender = (name: string) => ({ name, sample: async () => order.push(name) })
    const tell = (text: string): number => told.push(text)
    const samples = await interleave(rounds, ['a', 'b', 'c'].map(contender), tell, warmUps)
    return { order: order.join(''), samples, told }
  }

  it('take everybody in turn, forth and back, after one that does not count', async () => {
    const { order, samples } = await run(3)
    expect(order).toBe('abccbaabccba')
    expect(samples).toEqual({ a: [6, 7, 12], b: [5, 8, 11], c: [4, 9, 10] })
  })

  it('tell which round it is and who is measured', async () => {
    const { told } = await run(1, 2)
    expect(told.slice(0, 1)).toEqual(['warm-up: c'])
    expect(told.slice(3, 4)).toEqual(['warm-up: a'])
    expect(told.slice(6)).toEqual(['round 1 of 1: c', 'round 1 of 1: b', 'round 1 of 1: a'])
  })

  it('end with the failure of a sample', async () => {
    const failing = { name: 'a', sample: () => Promise.reject(new Error('down')) }
    await expect(interleave(1, [failing], () => undefined)).rejects.toThrow('down')
  })
})
