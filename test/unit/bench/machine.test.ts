import { describe, expect, it } from 'vitest'
import { cpuMicroseconds } from '../../../bench/harness/machine.ts'

describe('the CPU time of a process', () => {
  // schedstat is a feature of the Linux kernel.
  it.runIf(process.platform === 'linux')('grows with the work of the process', () => {
    const before = cpuMicroseconds(process.pid)
    const spentBefore = process.cpuUsage()
    const spent = (): number => {
      const { user, system } = process.cpuUsage(spentBefore)
      return user + system
    }
    while (spent() < 100_000) Math.hypot(spent(), 1)
    expect(cpuMicroseconds(process.pid) - before).toBeGreaterThan(50_000)
  })

  it('is not a number for a process that does not exist', () => {
    expect(cpuMicroseconds(2 ** 30)).toBeNaN()
  })
})
