/** Who may do what: the whole access policy of the grade book, one demand for each kind of route. */
import type { ExpressRouteRequest, Protection } from '../../client/src/express.ts'

/** The resource that tokens must be for. */
export const GRADES = 'https://grades.test'

type Policy = Protection<ExpressRouteRequest>

/** Roles are held in a course, never in general: every role check takes it from the request. */
const courseOf = (req: ExpressRouteRequest): string => `course:${req.params.course}`

/** A student looks at their own grades; whose they are is decided by the token, not by the request. */
export const readOwnGrades: Policy = { audience: GRADES, scope: 'grades:read' }

/** Teachers and teaching assistants look at the grades of a course. */
export const readCourseGrades: Policy = {
  audience: GRADES,
  scope: 'grades:read',
  context: courseOf,
}

/** Teachers write grades. */
export const writeGrades: Policy = {
  audience: GRADES,
  scope: 'grades:write',
  context: courseOf,
}
