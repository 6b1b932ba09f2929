/**
 * Who did what: one structured record for every change an operator makes and for refused attempts, written to the log for
 * shipping, always and first, and then kept. A change whose record cannot be kept is answered as an outage, so that it is
 * repeated; but what stops somebody goes on, for then the log has the record and waiting is worse. A refusal is recorded on
 * the side and never holds up its answer.
 *
 * Where records are kept is passed in: this folder knows no store.
 */
import type { Logger } from 'pino'
import type { AuditRecord } from '../../client/src/wire/index.ts'
import { faultKind } from '../errors/fault.ts'
import type { OAuthError } from '../errors/oauth-error.ts'
import type { RequestState } from '../pipeline/request-context.ts'
import { scrubSecrets } from '../telemetry/scrub.ts'
import { createRefusalSampler } from './refusal-sampler.ts'

/** What a handler knows of a change; the rest is in the request. */
export type Change = Pick<AuditRecord, 'action' | 'subject' | 'client' | 'target' | 'reason'> & {
  readonly actor?: string
  readonly actor_jti?: string
  /** Whether the answer goes on without a kept record; revocations and deleted clients are so without saying it. */
  readonly isEmergency?: boolean
}

/** Records what happens. */
export interface AuditTrail {
  /** @throws whatever keeping it throws, unless it is an emergency; the caller has not answered yet */
  changed(state: RequestState, ...changes: readonly Change[]): Promise<void>
  /** Never throws and need not be waited for. */
  refused(state: RequestState, route: string, error: OAuthError): void
  /** An attempt that was refused without an error, such as asking about a token that is for somebody else. */
  refusedAction(state: RequestState, action: string, error: string): void
}

/** What a trail is made from. */
export interface AuditTrailOptions {
  readonly keep: (entry: AuditRecord) => Promise<void>
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
/** What stops somebody: it is not held up by its record. */
const MAY_GO_UNRECORDED = /^(?:revocation\..*|client\.delete)$/

/** Makes a trail. */
export function createAuditTrail({ keep, log, now }: AuditTrailOptions): AuditTrail {
  const sampler = createRefusalSampler(now)

  function sample(kind: string, entry: AuditRecord): void {
    const noted = sampler.note(kind)
    if (noted === undefined) return
    const { count, isMixed } = noted
    const told = scrubbed(isMixed ? withoutCaller(entry) : entry)
    const sampled = count === 1 ? told : { ...told, count }
    log.info({ audit: sampled }, 'audit')
    keep(sampled).catch((err: unknown) => log.warn({ err }, 'a refusal was not kept in the audit'))
  }

  async function keepChange(entry: AuditRecord, isEmergency: boolean): Promise<void> {
    try {
      await keep(entry)
    } catch (err) {
      if (!isEmergency) throw err
      const { request_id } = entry
      // The error of a driver may quote the command, and with it the record, which stands in the log already.
      const fault = faultKind(err)
      log.error({ request_id, fault }, 'a change stands in this log alone, not in the audit')
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
        mayGoUnrecorded: isEmergency || MAY_GO_UNRECORDED.test(change.action),
      }))
      for (const { entry } of made) log.info({ audit: entry }, 'audit')
      await Promise.all(
        made.map(({ entry, mayGoUnrecorded }) => keepChange(entry, mayGoUnrecorded)),
      )
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

/** The last net: no token stands in a record, whatever it was given for. */
function scrubbed(entry: AuditRecord): AuditRecord {
  const json = JSON.stringify(entry)
  const clean = scrubSecrets(json)
  return clean === json ? entry : (JSON.parse(clean) as AuditRecord)
}

/** Of attempts of many kinds, whose the counted one was says nothing. */
function withoutCaller({ actor_client, source, request_id, ...entry }: AuditRecord): AuditRecord {
  return entry
}

/** What a caller calls itself: shortened, and without what looks like a secret. */
function nameOf(claimed: string): string {
  return scrubSecrets(claimed).slice(0, MAX_NAME_LENGTH)
}
