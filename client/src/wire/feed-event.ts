/**
 * A change, as the log and the feed report it: names that a cache can match, never a secret. A reader must treat an event of
 * unknown type as one that touches everything in its partition.
 */

/** A subject, and the only contexts in which its roles changed; without contexts, anything about it may have changed. */
export interface ChangedSubject {
  readonly sub: string
  readonly contexts?: readonly string[]
}

/** One change of what introspection answers. */
export type FeedEvent =
  | { readonly type: 'token'; readonly jti: string }
  | { readonly type: 'grant'; readonly grant_id: string }
  | { readonly type: 'session'; readonly sid: string }
  /** With `contexts`, only roles in these changed (`*` is everywhere). Without, anything about the subject may have changed. */
  | { readonly type: 'subject'; readonly sub: string; readonly contexts?: readonly string[] }
  /** The roles of several subjects changed in one step. Means the same as one event `subject` for each. */
  | { readonly type: 'subjects'; readonly subjects: readonly ChangedSubject[] }
  | { readonly type: 'subject_client'; readonly sub: string; readonly client_id: string }
  | { readonly type: 'client'; readonly client_id: string }
  | { readonly type: 'all' }
  /** The role schema changed, for every subject of the partition. */
  | { readonly type: 'schema' }
