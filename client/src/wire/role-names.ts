/**
 * What may be called a context, a role or a permission: the same for whoever assigns them, asks about them and stores them.
 * Contexts and roles hold no space, so that lists of them can be told apart.
 */

import { TOKEN_PATTERN } from './token-shape.ts'

const CONTEXT = /^[A-Za-z][A-Za-z0-9_.-]{0,63}:(?!\*$)[\x21-\x7e]{1,190}$/
const CONTEXT_TYPE = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/
const ROLE = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/
const PERMISSION = /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/

/**
 * A context other than `*`: `type:id` in visible ASCII, such as `course:123`. An id of `*` alone is reserved, and a token in
 * the place of an id is a mistake that must not be kept.
 */
export function isContext(text: string): boolean {
  return CONTEXT.test(text) && !TOKEN_PATTERN.test(text)
}

/** The part of a context before its first colon. */
export function isContextType(text: string): boolean {
  return CONTEXT_TYPE.test(text)
}

/** A role, such as `teacher`. */
export function isRole(text: string): boolean {
  return ROLE.test(text)
}

/** A permission, such as `grade:write`: what could be a scope (RFC 6749 §3.3). */
export function isPermission(text: string): boolean {
  return PERMISSION.test(text)
}
