/**
 * Invariants of the state machines: what must hold before or after a transition. They are checked where state changes, never
 * on a cache hit.
 *
 * A violation is a defect in this library. It is unknown then which part of the state is still right, so the client drops
 * all of it and starts over (`FeedKeeper.startOver`): it serves nothing from the cache and asks the service, until it has
 * fresh positions and a new lease. The violation is reported in `health().lastProblem` and on `claimcheck:client:state`.
 */

/** A state machine is in a state that its rules exclude. Never leaves the client. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation'
}

/**
 * Checks an invariant.
 *
 * @param rule what must hold, as a sentence
 * @throws {InvariantViolation} when it does not hold
 */
export function assertInvariant(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new InvariantViolation(rule)
}
