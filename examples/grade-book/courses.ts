/** The courses there are, the schools they belong to, and their grades: what a real grade book has a database for. */

interface Course {
  readonly school: string
  readonly grades: Map<string, string>
}

const COURSES: ReadonlyMap<string, Course> = new Map([
  ['101', { school: 'north', grades: new Map([['sam', 'B+']]) }],
  ['202', { school: 'south', grades: new Map([['sam', 'A-']]) }],
])

/** The school of a course; `undefined` for one there is not. */
export function schoolOf(course: string): string | undefined {
  return COURSES.get(course)?.school
}

/** The grades of a course by student; `undefined` for a course there is not. */
export function gradesOf(course: string): Map<string, string> | undefined {
  return COURSES.get(course)?.grades
}
