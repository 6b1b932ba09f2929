/**
 * Reads JSON bodies (`readJson`) and checks them against a zod schema (`parseBody`). The batch endpoint uses only the first:
 * zod would be too slow on that path.
 *
 * Always refused: deep nesting, a member called `__proto__`, and strings with half a surrogate pair, since different such
 * strings become equal when they are encoded for Redis.
 */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { ZodType, z } from 'zod'
import { invalidRequest } from '../errors/oauth-error.ts'
import { type BodyMistake, ProblemError } from '../errors/problem.ts'
import { isMediaType } from './media-type.ts'
import { BODY_LIMITS, type BodyLimits, readBody } from './read-body.ts'
import { hasUniqueNames } from './unique-names.ts'

export interface JsonRules extends BodyLimits {
  /** Deepest nesting of objects and arrays; the top level counts as one. */
  readonly maxDepth: number
  readonly topLevel: 'object' | 'array' | 'object or array'
  /** Whether the body may be missing; it then reads as undefined. */
  readonly optional: boolean
  /** Whether a member named twice is refused; otherwise the last one counts. */
  readonly uniqueNames: boolean
}

export const JSON_RULES: JsonRules = Object.freeze({
  ...BODY_LIMITS,
  maxDepth: 16,
  topLevel: 'object',
  optional: false,
  uniqueNames: false,
})

const MAX_MISTAKES = 20
const MAX_POINTER_LENGTH = 200

/**
 * The parsed body, checked for form but not against a schema.
 * @throws {OAuthError} `invalid_request`: 400 malformed, 415 wrong type, or 408 and 413 as {@link readBody}.
 */
export async function readJson(
  req: IncomingMessage,
  rules: JsonRules = JSON_RULES,
): Promise<unknown> {
  const contentType = req.headers['content-type']
  const isJson = isMediaType(contentType, 'application/json')
  if (!isJson && !(rules.optional && contentType === undefined)) {
    throw invalidRequest('the content type must be application/json', { status: 415 })
  }
  const body = await readBody(req, rules)
  if (body.length === 0 && rules.optional) return undefined
  if (!isJson) {
    throw invalidRequest('the content type must be application/json', { status: 415 })
  }
  if (!isUtf8(body)) throw invalidRequest('the body must be UTF-8')
  const text = body.toString('utf8')
  const value = checkForm(parseText(text), rules)
  if (rules.uniqueNames && !hasUniqueNames(text)) {
    throw invalidRequest('a member must not be named twice')
  }
  return value
}

/**
 * `value` as the schema describes it.
 * @throws {ProblemError} `invalid-body` listing each mistake with its JSON Pointer.
 */
export function parseBody<S extends ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const errors = result.error.issues.flatMap(mistakesOf).slice(0, MAX_MISTAKES)
  throw new ProblemError('invalid-body', 'See "errors" for each mistake and its place.', {
    errors,
  })
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // V8's message quotes the text around the mistake, which may be a secret.
    throw invalidRequest('the body is not valid JSON')
  }
}

function checkForm(value: unknown, rules: JsonRules): unknown {
  if (!rules.topLevel.split(' or ').includes(shapeOf(value))) {
    throw invalidRequest(`the body must be a JSON ${rules.topLevel}`)
  }
  checkPart(value, rules.maxDepth)
  return value
}

function shapeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return value === null ? 'null' : typeof value
}

function checkPart(value: unknown, depthLeft: number): void {
  if (typeof value === 'string') checkText(value)
  if (typeof value !== 'object' || value === null) return
  if (depthLeft === 0) throw invalidRequest('the body is nested too deeply')
  if (Array.isArray(value)) {
    for (const item of value) checkPart(item, depthLeft - 1)
    return
  }
  for (const name of Object.keys(value)) {
    if (name === '__proto__') throw invalidRequest('a member must not be called __proto__')
    checkText(name)
    checkPart((value as Record<string, unknown>)[name], depthLeft - 1)
  }
}

function checkText(text: string): void {
  if (!text.isWellFormed()) throw invalidRequest('the body holds a broken surrogate pair')
}

type Issue = z.core.$ZodIssue

function mistakesOf(issue: Issue): BodyMistake[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: pointerOf([...issue.path, key]),
      detail: 'is not a member of this body',
    }))
  }
  return [{ pointer: pointerOf(issue.path), detail: issue.message }]
}

/** RFC 6901. */
function pointerOf(path: readonly PropertyKey[]): string {
  return path
    .map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('')
    .slice(0, MAX_POINTER_LENGTH)
}
