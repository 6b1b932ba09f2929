/** The public interface of `@claimcheck/client`. */
export type { Client } from './client.ts'
export { createClient } from './client.ts'
export type { Decision, Refusal, Requirements, Source } from './decision.ts'
export type { AuthorizeOptions, LookupOptions } from './demands.ts'
export type { ClaimcheckErrorCode } from './errors.ts'
export { ClaimcheckError } from './errors.ts'
export type { ClientCounts, ClientHealth, ClientState, DiscardReason } from './health.ts'
export type { ClientOptions, Environment } from './options.ts'
export { environment } from './options.ts'
export type {
  ActiveToken,
  Actor,
  ExchangedFrom,
  InactiveToken,
  IntrospectionResponse,
  JsonValue,
} from './wire/index.ts'
