/** The memory of a process while something is done. */
import { residentBytes } from '../harness/machine.ts'

/** Resident memory at a moment. */
export interface Look {
  /** Since the beginning. */
  readonly seconds: number
  readonly bytes: number
}

const EVERY_MS = 50

/** Looks from just before the work until its end; there are no looks where the system has no `/proc`. */
export async function watchMemory<Result>(
  pid: number,
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly looks: readonly Look[] }> {
  const looks: Look[] = []
  const startedAt = performance.now()
  const look = (): void => {
    const bytes = residentBytes(pid)
    if (bytes !== undefined) looks.push({ seconds: (performance.now() - startedAt) / 1_000, bytes })
  }
  look()
  const timer = setInterval(look, EVERY_MS)
  try {
    const result = await work()
    look()
    return { result, looks }
  } finally {
    clearInterval(timer)
  }
}
