/** All measures, in the order in which they run: what is most asked about first. */
import type { Measure } from './measure.ts'
import { introspection } from './measures/introspection.ts'
import { introspectionCost } from './measures/introspection-cost.ts'
import { introspectionKinds } from './measures/introspection-kinds.ts'

/** All measures. */
export const MEASURES: readonly Measure[] = [introspection, introspectionKinds, introspectionCost]
