/**
 * What an answer belongs to and what an event touches. Marks and entries both use this file, so that a late answer is refused
 * exactly where an entry would have been dropped.
 *
 * A plain answer, asked for without contexts, contains the roles of all contexts, so every role change of its subject touches
 * it. An answer asked for in contexts is touched by changes in these contexts and in `*`, which counts everywhere. An
 * exchanged token becomes void with each of its origins, the tokens it was exchanged from.
 */
import type { ActiveToken, ExchangedFrom, FeedEvent } from '../wire/index.ts'

/** What an answer belongs to. Contexts and origins are optional, because few answers have them. */
export interface Groups {
  readonly jti: string
  readonly grantId: string
  /** '' without a session. */
  readonly sid: string
  readonly sub: string
  readonly clientId: string
  /** The contexts it was asked for in; absent for a plain answer. */
  readonly contexts?: readonly string[]
  /** The tokens that an exchanged token came from; absent for other tokens. */
  readonly origins?: readonly ExchangedFrom[]
}

/** An event that names one thing, or a whole partition. */
export type SingleEvent = Exclude<FeedEvent, { readonly type: 'subjects' }>

/** An event that names a subject alone. */
export type SubjectEvent = Extract<FeedEvent, { readonly type: 'subject' }>

/** An event that names more contexts is treated as naming none, which bounds the cost of an event. */
export const MAX_NAMED_CONTEXTS = 32

/** Splits an event about several subjects into events about one. */
export function singleEvents(event: FeedEvent): readonly SingleEvent[] {
  if (event.type !== 'subjects') return [event]
  return event.subjects.map((subject) => ({ type: 'subject', ...subject }))
}

/** The only contexts in which roles changed; `undefined` when anything about the subject may have changed. */
export function changedContexts({ contexts }: SubjectEvent): readonly string[] | undefined {
  if (contexts === undefined || contexts.length === 0) return undefined
  if (contexts.length > MAX_NAMED_CONTEXTS || contexts.includes('*')) return undefined
  return contexts
}

/** Whether a token was issued to a client, or was exchanged from one that was. */
export function isOfClient({ clientId, origins }: Groups, name: string): boolean {
  if (clientId === name) return true
  return origins?.some((from) => from.client_id === name) === true
}

/**
 * What an answer belongs to; `undefined` when it lacks a member that events name.
 *
 * @param contexts what it was asked for in, space-separated; '' for a plain answer
 */
export function groupsOf(answer: ActiveToken, contexts: string): Groups | undefined {
  const { jti, grant_id: grantId, sid = '', sub, client_id: clientId } = answer
  const names: readonly unknown[] = [jti, grantId, sid, sub, clientId]
  if (!names.every(isText)) return undefined
  const own: Groups = { jti, grantId, sid, sub, clientId }
  const { exchanged_from: origins } = answer
  if (contexts === '' && origins === undefined) return own
  if (origins !== undefined && !areOrigins(origins)) return undefined
  return {
    ...own,
    ...(contexts === '' ? {} : { contexts: contexts.split(' ') }),
    ...(origins === undefined ? {} : { origins }),
  }
}

function areOrigins(value: unknown): value is readonly ExchangedFrom[] {
  return Array.isArray(value) && value.every(isOrigin)
}

function isOrigin(value: unknown): value is ExchangedFrom {
  if (typeof value !== 'object' || value === null) return false
  const { jti, grant_id, client_id } = value as Readonly<Record<string, unknown>>
  return [jti, grant_id, client_id].every(isText)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
