/** Assignments as lines of an import. All names of a kind have the same length, so that no answer is shorter than another. */

/** The role of all assignments. */
export const ROLE = 'teacher'

const DIGITS = 7

/** The context of a number below ten million. */
export function contextOf(n: number): string {
  return `course:${digitsOf(n)}`
}

/** The subject of such a number. */
export function subjectOf(n: number): string {
  return `user-${digitsOf(n)}`
}

/** One line, without its end. */
export function lineOf(subject: string, context: string): string {
  return `{"op":"assign","subject":"${subject}","context":"${context}","role":"${ROLE}"}`
}

function digitsOf(n: number): string {
  return String(n).padStart(DIGITS, '0')
}
