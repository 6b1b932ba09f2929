/** All measures, in the order in which they run: what readers ask about most comes first. */
import type { Measure } from './harness/measure.ts'
import { clientHit } from './measures/client-hit.ts'
import { growth } from './measures/growth.ts'
import { importing } from './measures/import.ts'
import { introspection } from './measures/introspection.ts'
import { introspectionCost } from './measures/introspection-cost.ts'
import { issue } from './measures/issue.ts'
import { memory } from './measures/memory.ts'
import { revocation } from './measures/revocation.ts'
import { revokeToRefused } from './measures/revoke-to-refused.ts'
import { roles } from './measures/roles.ts'
import { wireSize } from './measures/wire-size.ts'

/** All measures. */
export const MEASURES: readonly Measure[] = [
  introspection,
  introspectionCost,
  clientHit,
  revokeToRefused,
  issue,
  revocation,
  roles,
  importing,
  memory,
  growth,
  wireSize,
]
