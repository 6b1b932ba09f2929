/**
 * How a test cites the requirements it proves. The ids are an array literal right after `verifies(`, because the
 * gate reads the sources; an id that is unknown or declined does not compile.
 */
import { it } from 'vitest'
import type { CoveredId } from './requirements.ts'

/** A test whose title begins with the ids it proves. */
export function verifies(
  ids: readonly [CoveredId, ...CoveredId[]],
  behaviour: string,
  prove: () => Promise<void> | void,
): void {
  it(`${ids.join(' ')}: ${behaviour}`, prove)
}
