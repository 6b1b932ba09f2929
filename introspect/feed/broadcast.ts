/**
 * Tells all live connections of every change, in the order in which the reader applies them. Each frame has a number, by
 * which a connection knows that it has missed none.
 */
import type { EncodedFrame } from './partition-history.ts'

/** A live connection, as the broadcast sees it. */
export interface BroadcastListener {
  /** @param number the frame's number, counted from 1 */
  tell(frame: EncodedFrame, number: number): void
}

export class Broadcast {
  /** Number of the last frame. */
  sent = 0
  readonly #live = new Set<BroadcastListener>()

  /** Tells this listener of every frame after the last one. */
  join(listener: BroadcastListener): void {
    this.#live.add(listener)
  }

  leave(listener: BroadcastListener): void {
    this.#live.delete(listener)
  }

  send(frame: EncodedFrame): void {
    this.sent++
    for (const listener of this.#live) listener.tell(frame, this.sent)
  }
}
