/**
 * The syntax of contexts, roles and permissions, the same in all services and in the client. Contexts and roles contain no
 * space, so that lists of them can be separated by spaces.
 */

import { TOKEN_PATTERN } from './token-shape.ts'

const CONTEXT = /^[A-Za-z][A-Za-z0-9_.-]{0,63}:(?!\*$)[\x21-\x7e]{1,190}$/
const CONTEXT_TYPE = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/
const ROLE = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/
const PERMISSION = /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/

/**
 * Whether a text is a context other than `*`: `type:id` in visible ASCII, such as `course:123`. The id `*` is reserved. A text
 * that contains a token is refused, so that no token is stored by mistake.
 */
export function isContext(text: string): boolean {
  return CONTEXT.test(text) && !TOKEN_PATTERN.test(text)
}

/** Whether a text is the type of a context: the part before the first colon. */
export function isContextType(text: string): boolean {
  return CONTEXT_TYPE.test(text)
}

/** Whether a text is the name of a role, such as `teacher`. */
export function isRole(text: string): boolean {
  return ROLE.test(text)
}

/** Whether a text is a permission, such as `grade:write`. It has the syntax of a scope (RFC 6749 §3.3). */
export function isPermission(text: string): boolean {
  return PERMISSION.test(text)
}
