/**
 * Makes the writers of one record in this process go one after the other. If 150 of them compared and retried against each
 * other, nearly all attempts would fail, and Redis would have no time for anything else. Writers in other processes are
 * ordered by the version of the record.
 */
import { StoreBusyError } from './errors.ts'

/** Runs `work` once the earlier writers of `key` are done. @throws {StoreBusyError} when that takes too long */
export type InTurn = <Result>(key: string, work: () => Promise<Result>) => Promise<Result>

/** Longest wait for earlier writers. While Redis hangs, each of them takes a command timeout to fail. */
const MAX_WAIT_MS = 10_000

/** Makes the queues of one kind of record. @param now a monotonic clock, in milliseconds */
export function createTurns(now: () => number = () => performance.now()): InTurn {
  const lastOf = new Map<string, Promise<unknown>>()
  return (key, work) => {
    const deadline = now() + MAX_WAIT_MS
    const before = lastOf.get(key) ?? Promise.resolve()
    const result = before.then(() => {
      if (now() > deadline) throw new StoreBusyError('too many writers are waiting')
      return work()
    })
    const settled = result.catch(() => undefined)
    lastOf.set(key, settled)
    void settled.then(() => {
      if (lastOf.get(key) === settled) lastOf.delete(key)
    })
    return result
  }
}
