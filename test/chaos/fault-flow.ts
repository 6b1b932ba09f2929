/**
 * One direction of one proxied connection: bytes go in at once and come out in order, later, when told to. What waits is
 * bounded: beyond that nothing more is read, as with a full network.
 */
import type { Socket } from 'node:net'

/** One direction. */
export interface Flow {
  /** Keeps back everything that has not been written yet. */
  hold(): void
  release(): void
  /** Forgets what waits. */
  destroy(): void
}

/** How long each chunk takes, in milliseconds; asked for every chunk. */
export type DelayOf = () => number

const MAX_WAITING_BYTES = 1 << 20
const END = Symbol('end')

interface Waiting {
  readonly what: Buffer | typeof END
  readonly dueAt: number
}

/** Carries what `source` sends to `sink`, the end of it too. */
export function createFlow(source: Socket, sink: Socket, delayOf: DelayOf): Flow {
  let waiting: Waiting[] = []
  let bytes = 0
  let lastDueAt = 0
  let isHeld = false
  let timer: ReturnType<typeof setTimeout> | undefined

  function take(what: Waiting['what']): void {
    // Later bytes never overtake earlier ones of the same connection: TCP would not let them.
    lastDueAt = Math.max(lastDueAt, performance.now() + delayOf())
    waiting.push({ what, dueAt: lastDueAt })
    if (what !== END) bytes += what.length
    if (bytes > MAX_WAITING_BYTES) source.pause()
    pump()
  }

  function pump(): void {
    clearTimeout(timer)
    while (!isHeld && sink.writableLength <= MAX_WAITING_BYTES) {
      const [first] = waiting
      if (first === undefined) return
      const restMs = first.dueAt - performance.now()
      if (restMs > 0) {
        timer = setTimeout(pump, restMs)
        return
      }
      waiting.shift()
      give(first.what)
    }
  }

  function give(what: Waiting['what']): void {
    if (what === END) {
      sink.end()
      return
    }
    bytes -= what.length
    sink.write(what)
    if (bytes <= MAX_WAITING_BYTES / 2) source.resume()
  }

  source.on('data', take)
  source.on('end', () => take(END))
  sink.on('drain', pump)
  return {
    hold() {
      isHeld = true
      clearTimeout(timer)
    },
    release() {
      isHeld = false
      pump()
    },
    destroy() {
      isHeld = true
      clearTimeout(timer)
      waiting = []
    },
  }
}
