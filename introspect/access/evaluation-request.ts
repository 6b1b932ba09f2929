/**
 * Parses the JSON of access evaluations (AuthZEN §6.1, §7.1). Pure. Unknown members are ignored. `properties` never
 * influence a decision: what a subject may do depends on its roles alone.
 *
 * Error messages name members but never quote their values, because a value may be a token.
 */
import { isContext, isContextType, TOKEN_PATTERN } from '../../client/src/wire/index.ts'
import { invalidRequest, OAuthError } from '../../http/errors/oauth-error.ts'

/** The subject whose permissions are asked about. */
export type EvaluationSubject =
  /** A user or a client, named as `sub` names it in tokens. */
  | { readonly kind: 'user' | 'client'; readonly id: string }
  /** The subject of an access token, within the limits of the token. */
  | { readonly kind: 'token'; readonly id: string }
  /** A subject that cannot exist; it has no permissions. */
  | { readonly kind: 'unknown' }

/** One question: does the subject hold the permission in one of the contexts? */
export interface Evaluation {
  readonly subject: EvaluationSubject
  readonly permission: string
  /** The contexts, without repetition. One of them suffices, and so does `*`. */
  readonly contexts: readonly string[]
}

/** The decision that ends a batch early, by the requested semantic. */
const LAST_DECISION = {
  execute_all: undefined,
  deny_on_first_deny: false,
  permit_on_first_permit: true,
} as const

/** A parsed request. */
export interface AccessRequest {
  /** The questions. An invalid one is represented by its error. */
  readonly items: readonly (Evaluation | OAuthError)[]
  /** Absent for a single evaluation. */
  readonly batch?: { readonly lastDecision: boolean | undefined }
}

/** A JSON object. */
export type Members = Readonly<Record<string, unknown>>

/** Most evaluations of one request. */
const MAX_EVALUATIONS = 1_000
/** Most contexts that a request may name as parents of its resource. */
const MAX_PARENTS = 20

const ENTITY_MEMBERS = ['type', 'id'] as const
const ACTION_MEMBERS = ['name'] as const

/**
 * Parses a single evaluation.
 *
 * @throws {OAuthError} `invalid_request`, naming the invalid member
 */
export function parseEvaluation(body: Members): AccessRequest {
  return { items: [readEvaluation(body)] }
}

/**
 * Parses a batch. A batch without evaluations is a single evaluation (§7.1).
 *
 * @throws {OAuthError} `invalid_request` when the batch itself is invalid; errors of single items are returned among them
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

/** An item's object replaces the default object; only required members that it lacks are taken from the default. */
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
  // No subject is named like a token. A token in the wrong member must not become part of a Redis key.
  if ((type === 'user' || type === 'client') && !TOKEN_PATTERN.test(id)) return { kind: type, id }
  return { kind: 'unknown' }
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

/** A malformed context is refused and not ignored: ignoring it would silently permit less than was meant. */
function readParent(parent: unknown): string {
  const context =
    typeof parent === 'string'
      ? usableContext(parent)
      : contextOf(readEntity('an element of context.parents', parent))
  if (context !== undefined) return context
  throw invalidRequest('an element of context.parents is not a context such as school:7')
}

/** The type is checked alone: type `a:b` with id `c` must not name the same context as type `a` with id `b:c`. */
function contextOf({ type, id }: Entity): string | undefined {
  return isContextType(type) ? usableContext(`${type}:${id}`) : undefined
}

function usableContext(text: string): string | undefined {
  return isContext(text) && !TOKEN_PATTERN.test(text) ? text : undefined
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
