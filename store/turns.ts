/**
 * Lets the writers of one thing in this process work one after the other, in the order in which they came. If 150 writers of
 * one record compared and retried against each other, nearly all attempts would fail, and Redis would have no time for
 * anything else. Writers in other processes are ordered by the version of the record.
 */
import { StoreBusyError } from './errors.ts'

/** Runs `work` once the earlier writers of `key` are done. @throws {StoreBusyError} when that takes too long */
export type InTurn<Key> = <Result>(key: Key, work: () => Promise<Result>) => Promise<Result>

/** As long as one command may take: behind a Redis that hangs, all waiting writers give up together. */
const MAX_WAIT_MS = 2_000

/** Makes the queues of one kind of thing. */
export function createTurns<Key = string>(maxWaitMs = MAX_WAIT_MS): InTurn<Key> {
  const lastOf = new Map<Key, Promise<unknown>>()
  return (key, work) => {
    const deadline = performance.now() + maxWaitMs
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
