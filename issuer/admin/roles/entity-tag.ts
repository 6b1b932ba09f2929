/** Entity tags (RFC 9110 §8.8.3) of versioned resources: the tag is the version, and always strong. */
import { ProblemError } from '../../../http/errors/problem.ts'

const TAG = String.raw`(?:W/)?"[\x21\x23-\x7e]*"`
const LIST = new RegExp(String.raw`^${TAG}(?:[ \t]*,[ \t]*${TAG})*$`)

/** The tag of a version. */
export function entityTag(version: number): string {
  return `"${version}"`
}

/**
 * Whether an `If-Match` header (RFC 9110 §13.1.1) lets a version be replaced; its absence always does. A weak tag never
 * matches.
 *
 * @throws {ProblemError} 400 when the header is malformed
 */
export function isMatch(ifMatch: string | undefined, version: number): boolean {
  if (ifMatch === undefined || ifMatch === '*') return true
  if (!LIST.test(ifMatch)) {
    throw new ProblemError('invalid-request', 'If-Match must be * or entity tags in double quotes.')
  }
  return ifMatch.split(',').some((tag) => tag.trim() === entityTag(version))
}
