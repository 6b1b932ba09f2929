/**
 * Runs the works of one key in this process one after the other, in the order in which they were asked for. If 150 writers of one
 * record compared and retried against each other, nearly all attempts would fail, and Redis would have no time for anything
 * else. Writers in other processes are ordered by the version of the record.
 */
import { StoreBusyError } from './errors.ts'

/** Runs `work` once the earlier works of `key` are done. @throws {StoreBusyError} when that takes too long */
export type InTurn<Key> = <Result>(key: Key, work: () => Promise<Result>) => Promise<Result>

/** When to give up waiting, and by which clock. */
interface TurnOptions {
  /** Default is 10,000 ms: while Redis hangs, each earlier writer takes a command timeout to fail. */
  readonly maxWaitMs?: number
  /** A monotonic clock, in milliseconds. */
  readonly now?: () => number
}

/** Makes the queues of one kind of record; different keys do not wait for each other. */
export function createTurns<Key>(options: TurnOptions = {}): InTurn<Key> {
  const { maxWaitMs = 10_000, now = () => performance.now() } = options
  const lastOf = new Map<Key, Promise<unknown>>()
  return (key, work) => {
    const deadline = now() + maxWaitMs
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
