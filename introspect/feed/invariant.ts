/**
 * Assertions of what must always be true of the feed's state. A broken one is a fault of this program, never of a client or
 * of Redis. The part that notices it takes its safe way out (closes the socket, reads the log again, gives no lease)
 * and reports it, so that the feed never vouches for a state it does not understand.
 */

/** An invariant did not hold. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** Reports a broken invariant to the operator. */
export type ReportBroken = (error: InvariantError) => void

/** Asserts that an invariant holds; `rule` states the invariant. */
export function invariant(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new InvariantError(`broken invariant: ${rule}`)
}

/** Runs a transition. `recover` is called when it breaks an invariant; other errors pass through. */
export function guard(transition: () => void, recover: ReportBroken): void {
  try {
    transition()
  } catch (error) {
    if (!(error instanceof InvariantError)) throw error
    recover(error)
  }
}
