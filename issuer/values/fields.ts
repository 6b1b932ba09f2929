/** Schemas of values in admin bodies and paths. Control characters are refused: values are stored in line-based records. */
import { z } from 'zod'
import { isContext, isPermission, isRole, TOKEN_PATTERN } from '../../client/src/wire/index.ts'
import { ProblemError } from '../../http/errors/problem.ts'
import { EVERYWHERE } from '../../store/roles/resolve.ts'
import { isResource, MAX_RESOURCES } from './resource.ts'
import { isScope } from './scope.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/
/** URL parsers remove these segments from a path, so a route could not address such a name. */
const DOT_SEGMENTS = ['.', '..']
const isNameable = (value: string): boolean => !DOT_SEGMENTS.includes(value)
/** A token pasted in place of a name must not be stored. */
const isNoToken = (value: string): boolean => !TOKEN_PATTERN.test(value)
const NO_TOKEN = 'must not hold a token'
const MAX_SUB_LENGTH = 255
const MAX_CLIENT_ID_LENGTH = 128
const MAX_TEXT_LENGTH = 512

/** One line of text. */
export const text = z
  .string()
  .min(1)
  .max(MAX_TEXT_LENGTH)
  .refine((value) => !CONTROL_CHARACTERS.test(value), 'must not hold control characters')
  .refine(isNoToken, NO_TOKEN)

/** A subject. */
export const sub = z
  .string()
  .min(1)
  .max(MAX_SUB_LENGTH)
  .refine((value) => !CONTROL_CHARACTERS.test(value), 'must not hold control characters')
  .refine((value) => value.isWellFormed(), 'must be well-formed Unicode')
  .refine(isNameable, 'must not be a dot segment of a URL')
  .refine(isNoToken, NO_TOKEN)

/** A client id (RFC 6749 appendix A.1). */
export const clientId = z
  .string()
  .max(MAX_CLIENT_ID_LENGTH)
  .regex(
    /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/,
    'must be printable ASCII and not begin or end with a space',
  )
  .refine(isNameable, 'must not be a dot segment of a URL')
  .refine(isNoToken, NO_TOKEN)

/** A context in which a role is held. */
export const contextName = z
  .string()
  .refine(isNoToken, { message: NO_TOKEN, abort: true })
  .refine(
    (value) => value === EVERYWHERE || isContext(value),
    'must be * or type:id, such as course:123',
  )

/** A role. */
export const roleName = z
  .string()
  .refine(isRole, 'must be 1 to 64 letters, digits and . _ : / - and begin with a letter or digit')

/** A permission. */
export const permission = z
  .string()
  .refine(isPermission, 'must be 1 to 100 characters of visible ASCII without " and \\')
  .refine(isNoToken, NO_TOKEN)

/** A scope parameter; '' is no scope. */
export const scope = z.string().refine((value) => value === '' || isScope(value), {
  message: 'must be scope tokens separated by single spaces (RFC 6749 §3.3)',
})

/** A list of resource indicators. */
export const resources = z
  .array(z.string().refine(isResource, 'must be an absolute URI without a fragment (RFC 8707)'))
  .max(MAX_RESOURCES)
  .refine((values) => new Set(values).size === values.length, 'must not name a resource twice')

/** Epoch seconds, with fractions; at most what fits into a safe integer of microseconds. */
export const numericDate = z
  .number()
  .min(0)
  .max(9_007_199_254, 'must be epoch seconds, not milliseconds')

/**
 * Reads a path parameter.
 *
 * @throws {ProblemError} 400 naming the rule it breaks
 */
export function parsePathValue<Value>(
  schema: z.ZodType<Value>,
  name: string,
  value: unknown,
): Value {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const rule = parsed.error.issues[0]?.message ?? 'no rule'
  throw new ProblemError('invalid-request', `The ${name} in the path is malformed: ${rule}.`)
}
