/** The courses, their schools and their grades. A real grade book keeps these in a database. */

interface Course {
  readonly school: string
  readonly grades: Map<string, string>
}

const COURSES: ReadonlyMap<string, Course> = new Map([
  ['101', { school: 'north', grades: new Map([['sam', 'B+']]) }],
  ['202', { school: 'south', grades: new Map([['sam', 'A-']]) }],
])

/** The school of a course; `undefined` if the course does not exist. */
export function schoolOf(course: string): string | undefined {
  return COURSES.get(course)?.school
}

/** The grades of a course by student; `undefined` if the course does not exist. */
export function gradesOf(course: string): Map<string, string> | undefined {
  return COURSES.get(course)?.grades
}
