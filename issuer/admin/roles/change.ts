/**
 * One change of an assignment in a body, and the messages for its mistakes. Of the caller's text, messages quote only names of
 * members.
 */
import { z } from 'zod'
import { hasUniqueNames } from '../../../http/body/unique-names.ts'
import { scrubSecrets } from '../../../http/telemetry/scrub.ts'
import type { AssignmentChange, AssignmentOutcome } from '../../../store/roles/assignments.ts'
import { contextName, numericDate, roleName, sub } from '../../values/fields.ts'
import { readJsonLine } from '../lines/json-line.ts'
import type { Line } from '../lines/line-splitter.ts'

/** Longest line of a change, in bytes: room for the longest names with every character escaped. */
export const MAX_LINE_BYTES = 4_096

const MAX_NAME_LENGTH = 64

/** A change in a body. */
export const changeBody = z
  .strictObject({
    op: z.enum(['assign', 'remove']),
    subject: sub,
    context: contextName,
    role: roleName,
    expires_at: numericDate.int().optional(),
  })
  .refine(({ op, expires_at }) => op === 'assign' || expires_at === undefined, {
    path: ['expires_at'],
    message: 'must not be given for a removal',
  })

/** Why a change was refused. */
type ChangeError =
  | 'invalid-json'
  | 'invalid-change'
  | 'line-too-long'
  | Exclude<AssignmentOutcome, 'assigned' | 'removed' | 'unchanged'>

/** A refusal, for the caller. */
export interface ChangeRefusal {
  readonly error: ChangeError
  readonly detail: string
}

/** A change that was read, or what is wrong with it. */
export type ReadChange = AssignmentChange | ChangeRefusal

/** The refusals of the store. */
export const REFUSALS = {
  'unknown-role': {
    error: 'unknown-role',
    detail: 'The role schema has no such role; GET /admin/v1/role-schema lists the roles.',
  },
  past: { error: 'past', detail: 'The time expires_at is in the past.' },
} as const satisfies Readonly<Record<string, ChangeRefusal>>

const TOO_LONG: ChangeRefusal = {
  error: 'line-too-long',
  detail: `A line may have at most ${MAX_LINE_BYTES} bytes.`,
}
const NOT_UTF8: ChangeRefusal = { error: 'invalid-json', detail: 'The line is not UTF-8.' }
const NOT_JSON: ChangeRefusal = { error: 'invalid-json', detail: 'The line is not a JSON value.' }
const REPEATED_MEMBER: ChangeRefusal = {
  error: 'invalid-change',
  detail: 'A member is named twice.',
}

/** Whether a change was refused. */
export function isRefusal(read: ReadChange): read is ChangeRefusal {
  return 'error' in read
}

/** Reads a line of NDJSON. */
export function readChangeLine(line: Line): ReadChange {
  const parsed = readJsonLine(line)
  if (parsed.kind === 'too-long') return TOO_LONG
  if (parsed.kind === 'not-utf8') return NOT_UTF8
  if (parsed.kind === 'not-json') return NOT_JSON
  const read = readChange(parsed.value)
  // Checked last: a change that fits the schema is known to be flat.
  return isRefusal(read) || hasUniqueNames(parsed.json) ? read : REPEATED_MEMBER
}

/** Reads a change from parsed JSON. */
export function readChange(value: unknown): ReadChange {
  const result = changeBody.safeParse(value)
  if (result.success) return toChange(result.data)
  return { error: 'invalid-change', detail: detailOf(result.error.issues[0]) }
}

/** A change in the form of the store. */
export function toChange(given: z.output<typeof changeBody>): AssignmentChange {
  const { op, subject, context, role, expires_at: expiresAt } = given
  return { op, sub: subject, context, role, ...(expiresAt === undefined ? {} : { expiresAt }) }
}

function detailOf(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === 'unrecognized_keys') {
    return `${nameable(issue.keys[0] ?? '')}: is not a member of a change`
  }
  const member = issue?.path[0]
  const message = issue?.message ?? 'is malformed'
  return member === undefined ? message : `${String(member)}: ${message}`
}

/** Scrubbed before it is shortened: half a token would not be recognized as one. */
function nameable(name: string): string {
  return scrubSecrets(name).slice(0, MAX_NAME_LENGTH).toWellFormed()
}
