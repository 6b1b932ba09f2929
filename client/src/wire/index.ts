/** The wire contract between the services and their callers: types, and small pure functions. */
export type { AuditRecord } from './audit-record.ts'
export type {
  AckFrame,
  ClientFrame,
  EventFrame,
  FeedCursor,
  GoodbyeFrame,
  HelloFrame,
  LeaseFrame,
  PartitionStart,
  ProbeFrame,
  ResetFrame,
  ServerFrame,
  StartFrame,
} from './feed.ts'
export { FEED_CLOSE, FEED_VERSION } from './feed.ts'
export type { ChangedSubject, FeedEvent } from './feed-event.ts'
export type { FreshnessStamp } from './freshness-stamp.ts'
export { FRESHNESS_HEADER, formatFreshness, parseFreshness } from './freshness-stamp.ts'
export type {
  ActiveToken,
  Actor,
  BatchIntrospectionRequest,
  BatchIntrospectionResponse,
  ExchangedFrom,
  InactiveToken,
  IntrospectionResponse,
  JsonValue,
} from './introspection.ts'
export { isContext, isContextType, isPermission, isRole } from './role-names.ts'
export type { TokenKind } from './token-shape.ts'
export { isTokenShaped, TOKEN_BODY_LENGTH, TOKEN_PATTERN } from './token-shape.ts'
