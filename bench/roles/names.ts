/** Names that the measures of roles give: all of a kind are of one length, so that no answer is shorter than another. */

/** The role that everybody holds, wherever they do. */
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

/** A change as `POST /admin/v1/role-assignments` takes it. */
export function changeText(op: 'assign' | 'remove', subject: string, context: string): string {
  return `{"op":"${op}","subject":"${subject}","context":"${context}","role":"${ROLE}"}`
}

function digitsOf(n: number): string {
  return String(n).padStart(DIGITS, '0')
}
