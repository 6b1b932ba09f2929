/**
 * From the JSON of an access evaluation (AuthZEN §6.1, §7.1) to what is asked. Pure. Unknown members are ignored and
 * `properties` have no say: what a subject may do follows from its roles alone.
 *
 * Mistakes are told by the names of members, never by what they hold: one of them may be a token.
 */
import { isContext, isContextType, TOKEN_PATTERN } from '../../client/src/wire/index.ts'
import { invalidRequest, OAuthError } from '../../http/errors/oauth-error.ts'

/** Whose permissions are asked about. */
export type EvaluationSubject =
  /** A user or a client, by the name that is `sub` in tokens. */
  | { readonly kind: 'user' | 'client'; readonly id: string }
  /** Whoever an access token speaks for, with what the token is limited to. */
  | { readonly kind: 'token'; readonly id: string }
  /** Nobody there can be. */
  | { readonly kind: 'nobody' }

/** One question. */
export interface Evaluation {
  readonly subject: EvaluationSubject
  readonly permission: string
  /** Contexts any of which will do, each once; what is held in `*` always does. */
  readonly contexts: readonly string[]
}

/** The decision after which the rest of a batch is left out. */
const LAST_DECISION = {
  execute_all: undefined,
  deny_on_first_deny: false,
  permit_on_first_permit: true,
} as const

/** What came in. */
export interface AccessRequest {
  /** A mistake stands in the place of a question that cannot be answered. */
  readonly items: readonly (Evaluation | OAuthError)[]
  /** Absent for a single evaluation. */
  readonly batch?: { readonly lastDecision: boolean | undefined }
}

/** A JSON object. */
export type Members = Readonly<Record<string, unknown>>

/** Most evaluations of one request. */
export const MAX_EVALUATIONS = 1_000
/** Most contexts that may be named as parents of a resource. */
export const MAX_PARENTS = 20

const ENTITY_MEMBERS = ['type', 'id'] as const
const ACTION_MEMBERS = ['name'] as const

/**
 * Reads a single evaluation.
 *
 * @throws {OAuthError} `invalid_request` naming the member that is wrong
 */
export function parseEvaluation(body: Members): AccessRequest {
  return { items: [readEvaluation(body)] }
}

/**
 * Reads a batch; without evaluations it is a single one (§7.1).
 *
 * @throws {OAuthError} `invalid_request` for what is wrong with the whole; the mistakes of items are among the items
 */
export function parseEvaluations(body: Members): AccessRequest {
  const { evaluations = [] } = body
  const lastDecision = readLastDecision(body.options)
  if (!Array.isArray(evaluations)) throw invalidRequest('evaluations must be an array')
  if (evaluations.length === 0) return parseEvaluation(body)
  if (evaluations.length > MAX_EVALUATIONS) {
    throw invalidRequest(`evaluations may hold at most ${MAX_EVALUATIONS} elements`)
  }
  return { items: evaluations.map((item) => readItem(item, body)), batch: { lastDecision } }
}

function readLastDecision(options: unknown): boolean | undefined {
  if (options === undefined) return undefined
  if (!isObject(options)) throw invalidRequest('options must be an object')
  const { evaluations_semantic: semantic = 'execute_all' } = options
  if (typeof semantic !== 'string' || !Object.hasOwn(LAST_DECISION, semantic)) {
    throw invalidRequest(
      `options.evaluations_semantic must be one of ${Object.keys(LAST_DECISION).join(', ')}`,
    )
  }
  return LAST_DECISION[semantic as keyof typeof LAST_DECISION]
}

function readItem(item: unknown, defaults: Members): Evaluation | OAuthError {
  if (!isObject(item)) return invalidRequest('an element of evaluations must be an object')
  const { context = defaults.context } = item
  try {
    return readEvaluation({
      subject: withDefault(item.subject, defaults.subject, ENTITY_MEMBERS),
      action: withDefault(item.action, defaults.action, ACTION_MEMBERS),
      resource: withDefault(item.resource, defaults.resource, ENTITY_MEMBERS),
      context,
    })
  } catch (error) {
    if (error instanceof OAuthError) return error
    throw error
  }
}

/** An item's own object replaces the default as a whole; only what it must have and has not is filled in. */
function withDefault(own: unknown, fallback: unknown, required: readonly string[]): unknown {
  if (own === undefined) return fallback
  if (!isObject(own) || !isObject(fallback)) return own
  return { ...Object.fromEntries(required.map((name) => [name, fallback[name]])), ...own }
}

function readEvaluation({ subject, action, resource, context }: Members): Evaluation {
  const who = readEntity('subject', subject)
  const permission = readText(readObject('action', action), 'action', 'name')
  const own = contextOf(readEntity('resource', resource))
  const parents = readParents(context)
  return {
    subject: subjectOf(who),
    permission,
    contexts: [...new Set(own === undefined ? parents : [own, ...parents])],
  }
}

interface Entity {
  readonly type: string
  readonly id: string
}

function readEntity(name: string, value: unknown): Entity {
  const entity = readObject(name, value)
  return { type: readText(entity, name, 'type'), id: readText(entity, name, 'id') }
}

function readObject(name: string, value: unknown): Members {
  if (value === undefined) throw invalidRequest(`${name} is required`)
  if (!isObject(value)) throw invalidRequest(`${name} must be an object`)
  const { properties } = value
  if (properties !== undefined && !isObject(properties)) {
    throw invalidRequest(`${name}.properties must be an object`)
  }
  return value
}

function readText(entity: Members, name: string, member: string): string {
  const value = entity[member]
  if (value === undefined) throw invalidRequest(`${name}.${member} is required`)
  if (typeof value !== 'string') throw invalidRequest(`${name}.${member} must be a string`)
  return value
}

function subjectOf({ type, id }: Entity): EvaluationSubject {
  if (type === 'access_token') return { kind: 'token', id }
  // Nobody is named like a token: one in the place of a name must not travel on, to Redis.
  if ((type === 'user' || type === 'client') && !TOKEN_PATTERN.test(id)) return { kind: type, id }
  return { kind: 'nobody' }
}

function readParents(context: unknown): readonly string[] {
  if (context === undefined) return []
  if (!isObject(context)) throw invalidRequest('context must be an object')
  const { parents = [] } = context
  if (!Array.isArray(parents)) throw invalidRequest('context.parents must be an array')
  if (parents.length > MAX_PARENTS) {
    throw invalidRequest(`context.parents may hold at most ${MAX_PARENTS} elements`)
  }
  return parents.map(readParent)
}

/** A name that can be no context is refused, not passed over: it would silently permit nothing. */
function readParent(parent: unknown): string {
  const context =
    typeof parent === 'string'
      ? usableContext(parent)
      : contextOf(readEntity('an element of context.parents', parent))
  if (context !== undefined) return context
  throw invalidRequest('an element of context.parents is no context such as school:7')
}

/** The type is looked at by itself: `a:b` and `c` must not come to the same as `a` and `b:c`. */
function contextOf({ type, id }: Entity): string | undefined {
  return isContextType(type) ? usableContext(`${type}:${id}`) : undefined
}

function usableContext(text: string): string | undefined {
  return isContext(text) && !TOKEN_PATTERN.test(text) ? text : undefined
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
