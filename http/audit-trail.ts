/**
 * Who did what: one structured record for every change an operator makes and for refused attempts, kept and written to the
 * log for shipping. A change whose record cannot be kept is answered as an outage, so that it is repeated; a refusal is
 * recorded on the side and never holds up its answer.
 *
 * Where records are kept is passed in: this folder knows no store.
 */
import type { Logger } from 'pino'
import type { OAuthError } from './oauth-error.ts'
import { createRefusalSampler } from './refusal-sampler.ts'
import type { RequestState } from './request-state.ts'
import { scrubSecrets } from './scrub.ts'

/** What one record tells; the members of the audit's wire form. */
export interface AuditEntry {
  readonly action: string
  readonly result: 'done' | 'refused'
  readonly actor?: string
  readonly actor_client?: string
  readonly subject?: string
  readonly client?: string
  readonly target?: Readonly<Record<string, string | number | boolean>>
  readonly error?: string
  readonly reason?: string
  readonly source?: string
  readonly request_id?: string
  readonly count?: number
}

/** What a handler knows of a change; the rest is in the request. */
export type Change = Pick<AuditEntry, 'action' | 'subject' | 'client' | 'target' | 'reason'> & {
  readonly actor?: string
}

/** Records what happens. */
export interface AuditTrail {
  /** @throws whatever keeping it throws; the caller has not answered yet */
  changed(state: RequestState, ...changes: readonly Change[]): Promise<void>
  /** Never throws and need not be waited for. */
  refused(state: RequestState, route: string, error: OAuthError): void
  /** An attempt that was refused without an error, such as asking about a token that is for somebody else. */
  turnedAway(state: RequestState, action: string, error: string): void
}

/** What a trail is made from. */
export interface AuditTrailOptions {
  readonly keep: (entry: AuditEntry) => Promise<void>
  readonly log: Logger
  /** Milliseconds that never run back. */
  readonly now: () => number
}

const REFUSALS: ReadonlySet<string> = new Set([
  'invalid_client',
  'invalid_token',
  'insufficient_scope',
  'unauthorized_client',
])
const MAX_NAME_LENGTH = 128

/** Makes a trail. */
export function createAuditTrail({ keep, log, now }: AuditTrailOptions): AuditTrail {
  const sampler = createRefusalSampler(now)

  function sample(kind: string, entry: AuditEntry): void {
    const count = sampler.note(kind)
    if (count === undefined) return
    const sampled = count === 1 ? entry : { ...entry, count }
    log.info({ audit: sampled }, 'audit')
    keep(sampled).catch((err: unknown) => log.warn({ err }, 'a refusal was not kept in the audit'))
  }

  return {
    async changed({ requestId, source, clientId }, ...changes) {
      const common = {
        result: 'done' as const,
        source,
        request_id: requestId,
        ...(clientId === undefined ? {} : { actor_client: clientId }),
      }
      const entries = changes.map((change) => ({ ...change, ...common }))
      await Promise.all(entries.map(keep))
      for (const audit of entries) log.info({ audit }, 'audit')
    },

    refused({ requestId, source, clientId, claimedClientId }, route, { error, detail }) {
      if (!REFUSALS.has(error)) return
      const client = clientId ?? claimedClientId
      sample(`${route} ${error} ${source} ${client ?? ''}`, {
        action: 'access.refused',
        result: 'refused',
        error,
        source,
        request_id: requestId,
        target: { route },
        ...(client === undefined ? {} : { actor_client: nameOf(client) }),
        ...(detail === undefined ? {} : { reason: detail }),
      })
    },

    turnedAway({ requestId, source, clientId }, action, error) {
      sample(`${action} ${error} ${clientId ?? ''}`, {
        action,
        result: 'refused',
        error,
        source,
        request_id: requestId,
        ...(clientId === undefined ? {} : { actor_client: clientId }),
      })
    },
  }
}

/** What a stranger called itself: shortened, and without what looks like a secret. */
function nameOf(claimed: string): string {
  return scrubSecrets(claimed).slice(0, MAX_NAME_LENGTH)
}
