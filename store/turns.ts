/**
 * Makes the writers of one record in this process go one after the other. If 150 of them compared and retried against each
 * other, nearly all attempts would fail, and Redis would have no time for anything else. Writers in other processes are
 * ordered by the version of the record.
 */
import { StoreBusyError } from './errors.ts'

/** Runs `work` once the earlier writers of `key` are done. @throws {StoreBusyError} when that takes too long */
export type InTurn = <Result>(key: string, work: () => Promise<Result>) => Promise<Result>

/** As long as one command may take: behind a Redis that hangs, all that wait give up together. */
const MAX_WAIT_MS = 2_000

/** Makes the queues of one kind of record. */
export function createTurns(): InTurn {
  const lastOf = new Map<string, Promise<unknown>>()
  return (key, work) => {
    const deadline = performance.now() + MAX_WAIT_MS
    const before = lastOf.get(key) ?? Promise.resolve()
    const result = before.then(() => {
      if (performance.now() > deadline) throw new StoreBusyError('too many writers are waiting')
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
