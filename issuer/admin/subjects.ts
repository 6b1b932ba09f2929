/** `/admin/v1/subjects/{sub}`: status, identity claims, live sessions and live grants. */
import { z } from 'zod'
import { parseBody, readJson } from '../../http/body/json.ts'
import type { RouteContext } from '../../http/pipeline/request-context.ts'
import { replyJson } from '../../http/reply/reply.ts'
import type { LiveGrant, LiveSession, Page } from '../../store/grants/live-grants.ts'
import type { Subject } from '../../store/registry/subjects.ts'
import type { Store } from '../../store/store.ts'
import { checkClaims, claimValue, withoutNulls } from '../values/claims.ts'
import { parsePathValue, sub } from '../values/fields.ts'
import { type AdminHandler, assertMayManage } from './guard.ts'
import { decodeCursor, encodeCursor, parsePageRequest } from './paging.ts'

const body = z
  .object({ status: z.enum(['active', 'suspended']).optional() })
  .catchall(claimValue)
  .superRefine(({ status: _, ...claims }, context) => checkClaims(claims, context))

/** The handlers of subjects. */
export interface SubjectHandlers {
  readonly get: AdminHandler
  readonly put: AdminHandler
  readonly sessions: AdminHandler
  readonly grants: AdminHandler
}

/** Makes the handlers. */
export function createSubjectHandlers(store: Store): SubjectHandlers {
  return {
    async get(ctx) {
      replyJson(ctx, 200, JSON.stringify(toView(await store.subjects.get(pathSub(ctx)))))
    },

    // A body with only a status keeps the claims: suspending a subject must not lose them.
    async put(ctx) {
      const { status, ...given } = parseBody(body, await readJson(ctx.req))
      const sub = pathSub(ctx)
      const service = await store.clients.get(sub)
      assertMayManage(ctx, service?.metadata.scope ?? '')
      const subject = await store.subjects.put(sub, ctx.state.operator, {
        ...(status === undefined ? {} : { status }),
        ...(Object.keys(given).length === 0 ? {} : { claims: withoutNulls(given) }),
      })
      // The names of the claims, not their values: the audit must not become a second store of personal data.
      await ctx.state.audit({
        action: 'subject.put',
        subject: sub,
        isEmergency: subject.status === 'suspended',
        target: { status: subject.status, claims: Object.keys(given).join(' ') },
      })
      replyJson(ctx, 200, JSON.stringify(toView(subject)))
    },

    async sessions(ctx) {
      const { cursor, limit } = parsePageRequest(ctx)
      const page = await store.liveGrants.sessions(pathSub(ctx), {
        size: limit,
        cursor: decodeCursor(cursor),
      })
      replyJson(
        ctx,
        200,
        JSON.stringify({ sessions: page.items.map(toSessionView), ...nextOf(page) }),
      )
    },

    async grants(ctx) {
      const { cursor, limit } = parsePageRequest(ctx)
      const page = await store.liveGrants.grants(pathSub(ctx), {
        size: limit,
        cursor: decodeCursor(cursor),
      })
      replyJson(ctx, 200, JSON.stringify({ grants: page.items.map(toGrantView), ...nextOf(page) }))
    },
  }
}

function pathSub(ctx: RouteContext): string {
  return parsePathValue(sub, 'subject', ctx.params.sub)
}

function toView({ sub, status, claims }: Subject) {
  return { sub, status, ...claims }
}

function toSessionView({ sid, startedAt, expiresAt, device }: LiveSession) {
  return { sid, started_at: startedAt, expires_at: expiresAt, ...device }
}

function toGrantView({ grantId, authorization, sid, issuedAt, expiresAt, refresh }: LiveGrant) {
  const { clientId, scope, aud } = authorization
  return {
    grant_id: grantId,
    client_id: clientId,
    sid,
    scope,
    aud,
    issued_at: issuedAt,
    expires_at: expiresAt,
    refresh,
  }
}

function nextOf({ next }: Page<unknown>): { readonly next_cursor?: string } {
  return next === undefined ? {} : { next_cursor: encodeCursor(next) }
}
