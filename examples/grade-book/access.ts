/** Who may do what: the whole access policy of the grade book, one demand for each kind of route. */
import type { ExpressRouteRequest, Protection } from '../../client/src/middleware/express.ts'
import { schoolOf } from './courses.ts'

/** The resource that tokens must be for. */
export const GRADES = 'https://grades.test'

type Policy = Protection<ExpressRouteRequest>

/** Roles are held in a course, never in general: every check takes it from the request. */
const courseOf = (req: ExpressRouteRequest): string => `course:${req.params.course}`

/** What a school's administrators hold in the school, they hold in its courses. Only the grade book knows which these are. */
const above = (req: ExpressRouteRequest): readonly string[] => {
  const school = schoolOf(String(req.params.course))
  return school === undefined ? [] : [`school:${school}`]
}

/** Whoever takes the course looks at their own grades; whose they are is decided by the token, not by the request. */
export const readOwnGrades: Policy = {
  audience: GRADES,
  scope: 'grades:read',
  permission: 'grade:read-own',
  context: courseOf,
}

/** Teachers and teaching assistants of the course look at all of its grades, and administrators of its school. */
export const readCourseGrades: Policy = {
  audience: GRADES,
  scope: 'grades:read',
  permission: 'grade:read',
  context: courseOf,
  parents: above,
}

/** Teachers of the course write grades, and administrators of its school. */
export const writeGrades: Policy = {
  audience: GRADES,
  scope: 'grades:write',
  permission: 'grade:write',
  context: courseOf,
  parents: above,
}
