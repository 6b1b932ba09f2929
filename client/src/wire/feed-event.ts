/**
 * What the log and the feed say about a change: names a cache can match, never a secret. A reader that meets a type
 * it does not know must treat the event as touching everything in its partition.
 */

/** A subject, and in which contexts alone its roles changed. */
export interface ChangedSubject {
  readonly sub: string
  readonly contexts?: readonly string[]
}

/** One change of what tokens resolve to. */
export type FeedEvent =
  | { readonly type: 'token'; readonly jti: string }
  | { readonly type: 'grant'; readonly grant_id: string }
  | { readonly type: 'session'; readonly sid: string }
  /** With `contexts`, only roles in these changed (`*` is everywhere); without, anything may have. */
  | { readonly type: 'subject'; readonly sub: string; readonly contexts?: readonly string[] }
  /** Roles of several subjects changed in one step: for each of them the same as an event `subject` of its own. */
  | { readonly type: 'subjects'; readonly subjects: readonly ChangedSubject[] }
  | { readonly type: 'subject_client'; readonly sub: string; readonly client_id: string }
  | { readonly type: 'client'; readonly client_id: string }
  | { readonly type: 'all' }
  /** What roles mean is another now, for every subject of the partition. */
  | { readonly type: 'schema' }
