/** Who may do what: the whole access policy of the grade book, one demand for each kind of route. */
import type { ExpressRouteRequest, Protection } from '../../client/src/middleware/express.ts'
import { schoolOf } from './courses.ts'

/** The resource that tokens must be for. */
export const GRADES = 'https://grades.test'

type Policy = Protection<ExpressRouteRequest>

/** Roles are held in a course, never in general: every check takes the course from the request. */
const courseOf = (req: ExpressRouteRequest): string => `course:${req.params.course}`

/** Administrators of a school hold their role in all its courses. Only the grade book knows which courses these are. */
const above = (req: ExpressRouteRequest): readonly string[] => {
  const school = schoolOf(String(req.params.course))
  return school === undefined ? [] : [`school:${school}`]
}

/** Students of the course read their own grades. The token decides whose grades these are, not the request. */
export const readOwnGrades: Policy = {
  audience: GRADES,
  scope: 'grades:read',
  permission: 'grade:read-own',
  context: courseOf,
}

/** Teachers and teaching assistants of the course, and administrators of its school, read all of its grades. */
export const readCourseGrades: Policy = {
  audience: GRADES,
  scope: 'grades:read',
  permission: 'grade:read',
  context: courseOf,
  parents: above,
}

/** Teachers of the course, and administrators of its school, write grades. */
export const writeGrades: Policy = {
  audience: GRADES,
  scope: 'grades:write',
  permission: 'grade:write',
  context: courseOf,
  parents: above,
}
