/**
 * Every requirement of the standards that this project follows, whether a test proves it, and if not, why.
 * Data only: tests cite the ids by `verifies`, and `coverage.test.ts` holds the two together.
 */
import { AUTHZEN } from './requirements/authzen.ts'
import { RFC6749 } from './requirements/rfc6749.ts'
import { RFC7009 } from './requirements/rfc7009.ts'
import { RFC7662 } from './requirements/rfc7662.ts'
import { RFC8414 } from './requirements/rfc8414.ts'
import { RFC8693 } from './requirements/rfc8693.ts'
import { RFC8707 } from './requirements/rfc8707.ts'

export const REQUIREMENTS = {
  ...RFC7662,
  ...RFC7009,
  ...RFC6749,
  ...RFC8414,
  ...RFC8693,
  ...RFC8707,
  ...AUTHZEN,
} as const

type Requirements = typeof REQUIREMENTS

/** Ids that a test may cite. */
export type CoveredId = {
  [Id in keyof Requirements]: Requirements[Id]['status'] extends 'covered' ? Id : never
}[keyof Requirements]
