/** All measures, in the order in which they run: what is most asked about first. */
import type { Measure } from './measure.ts'
import { introspection } from './measures/introspection.ts'

/** All measures. */
export const MEASURES: readonly Measure[] = [introspection]
