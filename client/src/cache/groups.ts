/**
 * What an answer belongs to, as far as the feed can name it, and what an event names. Marks and entries both go by this
 * file, so that a late reply is refused exactly where an entry would have been dropped.
 *
 * An answer got without contexts ("plain") tells of roles in all of them, so every role change of its subject touches it.
 * One asked for in contexts is touched by changes in these, and by changes in `*`, which hold everywhere. A token that was
 * exchanged dies with each one it came from (its origins).
 */
import type { ActiveToken, ExchangedFrom, FeedEvent } from '../wire/index.ts'

/** What an answer belongs to. Nearly all have neither contexts nor origins, so that these cost nothing when absent. */
export interface Groups {
  readonly jti: string
  readonly grantId: string
  /** '' without a session. */
  readonly sid: string
  readonly sub: string
  readonly clientId: string
  /** The contexts it was asked for in; absent for a plain answer. */
  readonly contexts?: readonly string[]
  /** The tokens an exchanged token came from; absent for others. */
  readonly origins?: readonly ExchangedFrom[]
}

/** An event that names one thing, or a whole partition. */
export type SingleEvent = Exclude<FeedEvent, { readonly type: 'subjects' }>

/** An event that names a subject alone. */
export type SubjectEvent = Extract<FeedEvent, { readonly type: 'subject' }>

/** An event that names more is taken for one that names none; it bounds what one event costs. */
export const MAX_NAMED_CONTEXTS = 32

/** Takes an event of several subjects apart. */
export function singleEvents(event: FeedEvent): readonly SingleEvent[] {
  if (event.type !== 'subjects') return [event]
  return event.subjects.map((subject) => ({ type: 'subject', ...subject }))
}

/** In which contexts alone roles changed; `undefined` when anything of the subject may have. */
export function changedContexts({ contexts }: SubjectEvent): readonly string[] | undefined {
  if (contexts === undefined || contexts.length === 0) return undefined
  if (contexts.length > MAX_NAMED_CONTEXTS || contexts.includes('*')) return undefined
  return contexts
}

/** Whether a token was issued to a client, or came from one that was. */
export function isOfClient({ clientId, origins }: Groups, name: string): boolean {
  if (clientId === name) return true
  return origins?.some((from) => from.client_id === name) === true
}

/**
 * What an answer belongs to; `undefined` when it does not say enough for events to find it.
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
