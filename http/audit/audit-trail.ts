/**
 * Who did what: one structured record for each change an operator makes, and for refused attempts. A record is always
 * logged first, for shipping, and then kept. If the record of a change cannot be kept, the answer is 503, so that the caller
 * retries; but an emergency (a revocation, say) succeeds, since the log has its record and failing would be worse. Refusals
 * are recorded in the background and never delay an answer.
 *
 * The function that keeps records is passed in, because http/ may not import store/.
 */
import type { Logger } from 'pino'
import type { AuditRecord } from '../../client/src/wire/index.ts'
import { faultKind } from '../errors/fault.ts'
import type { OAuthError } from '../errors/oauth-error.ts'
import type { RequestState } from '../pipeline/request-context.ts'
import { scrubSecrets } from '../telemetry/scrub.ts'
import { createRefusalSampler } from './refusal-sampler.ts'

/** What a handler knows about a change; the rest comes from the request. */
export type Change = Pick<AuditRecord, 'action' | 'subject' | 'client' | 'target' | 'reason'> & {
  readonly actor?: string
  readonly actor_jti?: string
  /** Whether the answer succeeds even if the record cannot be kept; always so for {@link EMERGENCY_ACTIONS}. */
  readonly isEmergency?: boolean
}

/** Records changes and refusals. */
export interface AuditTrail {
  /** Call before answering. @throws the error of keeping a record, unless the change is an emergency */
  changed(state: RequestState, ...changes: readonly Change[]): Promise<void>
  /** Never throws; there is nothing to wait for. */
  refused(state: RequestState, route: string, error: OAuthError): void
  /** An attempt that was refused without an error, such as introspecting a token for another audience. */
  refusedAction(state: RequestState, action: string, error: string): void
}

/** What a trail is made from. */
export interface AuditTrailOptions {
  readonly keep: (entry: AuditRecord) => Promise<void>
  readonly log: Logger
  /** A monotonic clock, in milliseconds. */
  readonly now: () => number
}

const REFUSALS: ReadonlySet<string> = new Set([
  'invalid_client',
  'invalid_token',
  'insufficient_scope',
  'unauthorized_client',
])
const MAX_NAME_LENGTH = 128
/** Actions that take access away: a record that cannot be kept must not stop them. */
const EMERGENCY_ACTIONS = /^(?:revocation\..*|client\.delete)$/

/** Makes a trail. */
export function createAuditTrail({ keep, log, now }: AuditTrailOptions): AuditTrail {
  const sampler = createRefusalSampler(now)

  function sample(kind: string, entry: AuditRecord): void {
    const sampled = sampler.note(kind)
    if (sampled === undefined) return
    const { count, isMixed } = sampled
    const clean = scrubbed(isMixed ? withoutCaller(entry) : entry)
    const record = count === 1 ? clean : { ...clean, count }
    log.info({ audit: record }, 'audit')
    keep(record).catch((err: unknown) => log.warn({ err }, 'a refusal was not kept in the audit'))
  }

  async function keepChange(entry: AuditRecord, isEmergency: boolean): Promise<void> {
    try {
      await keep(entry)
    } catch (err) {
      if (!isEmergency) throw err
      const { request_id } = entry
      // The error itself is not logged: a driver's error may quote the command, and with it the record.
      const fault = faultKind(err)
      log.error({ request_id, fault }, 'a change was logged but not kept in the audit')
    }
  }

  return {
    async changed({ requestId, source, clientId }, ...changes) {
      const common = {
        result: 'done' as const,
        source,
        request_id: requestId,
        ...(clientId === undefined ? {} : { actor_client: clientId }),
      }
      const made = changes.map(({ isEmergency = false, ...change }) => ({
        entry: scrubbed({ ...change, ...common }),
        isUrgent: isEmergency || EMERGENCY_ACTIONS.test(change.action),
      }))
      for (const { entry } of made) log.info({ audit: entry }, 'audit')
      await Promise.all(made.map(({ entry, isUrgent }) => keepChange(entry, isUrgent)))
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

    refusedAction({ requestId, source, clientId }, action, error) {
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

/** The last safety net: removes tokens from a record, whatever member they were put in. */
function scrubbed(entry: AuditRecord): AuditRecord {
  const json = JSON.stringify(entry)
  const clean = scrubSecrets(json)
  return clean === json ? entry : (JSON.parse(clean) as AuditRecord)
}

/** A record that stands for attempts of many callers names none of them. */
function withoutCaller({ actor_client, source, request_id, ...entry }: AuditRecord): AuditRecord {
  return entry
}

/** The name a caller claims, scrubbed of secrets and shortened. */
function nameOf(claimed: string): string {
  return scrubSecrets(claimed).slice(0, MAX_NAME_LENGTH)
}
