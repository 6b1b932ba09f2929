/**
 * Delivers every change to all live connections, in the order in which the reader applies them. The frames are numbered, so
 * that a connection notices when it has missed one.
 */
import type { EncodedFrame } from './partition-history.ts'

/** A live connection, as the broadcast sees it. */
interface BroadcastListener {
  /** @param number the frame's number, counted from 1 */
  deliver(frame: EncodedFrame, number: number): void
}

export class Broadcast {
  /** Number of the last frame. */
  sent = 0
  readonly #live = new Set<BroadcastListener>()

  /** Delivers every frame after the last one to this listener. */
  join(listener: BroadcastListener): void {
    this.#live.add(listener)
  }

  leave(listener: BroadcastListener): void {
    this.#live.delete(listener)
  }

  send(frame: EncodedFrame): void {
    this.sent++
    for (const listener of this.#live) listener.deliver(frame, this.sent)
  }
}
