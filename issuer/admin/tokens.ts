/** `POST /admin/v1/tokens`: issues tokens for a subject that a first-party application has logged in. */
import { z } from 'zod'
import { parseBody, readJson } from '../../http/body/json.ts'
import { ProblemError } from '../../http/errors/problem.ts'
import { replyJson } from '../../http/reply/reply.ts'
import type { IssueRefusal, IssueRequest } from '../../store/grants/issue.ts'
import type { Login } from '../../store/grants/records.ts'
import type { Client } from '../../store/registry/clients.ts'
import { type GrantContext, toTokenResponse } from '../grants/token-response.ts'
import { SubjectLoadError, type SubjectLoader } from '../loader/subject-loader.ts'
import { clientId, numericDate, resources, scope, sub, text } from '../values/fields.ts'
import { grantResources } from '../values/resource.ts'
import { grantScope } from '../values/scope.ts'
import { type AdminHandler, assertMayGrant } from './guard.ts'

const body = z.strictObject({
  sub,
  client_id: clientId,
  scope: scope.optional(),
  resource: z
    .union([z.string().transform((one) => [one]), z.array(z.string())])
    .pipe(resources)
    .optional(),
  sid: text.optional(),
  session: z.strictObject({ ip: text.optional(), user_agent: text.optional() }).optional(),
  acr: text.optional(),
  amr: z.array(text).max(20).optional(),
  auth_time: numericDate.int().optional(),
  refresh: z.boolean().optional(),
})

type Body = z.output<typeof body>

/** Makes the handler. */
export function issueTokens({ store, issuer }: GrantContext, loader: SubjectLoader): AdminHandler {
  return async (ctx) => {
    const request = parseBody(body, await readJson(ctx.req))
    const client = await store.clients.get(request.client_id)
    if (client === undefined) {
      throw new ProblemError('unprocessable', 'The client_id is not a registered client.')
    }
    const issue = toIssueRequest(request, client, issuer)
    assertMayGrant(ctx, issue.authorization.scope)
    await ensureLoaded(loader, request.sub)
    const issued = await store.tokens.issue(issue)
    if (issued.kind !== 'issued') throw refusal(issued)
    await ctx.state.audit({
      action: 'token.issue',
      subject: request.sub,
      client: request.client_id,
      target: definedMembers({
        grant: issued.grantId,
        session: issued.sid,
        scope: issue.authorization.scope,
        aud: issue.authorization.aud.join(' '),
      }),
    })
    const response = toTokenResponse({
      ...issued,
      expiresIn: issued.expiresAt - issued.issuedAt,
      scope: issue.authorization.scope,
    })
    replyJson(ctx, 200, JSON.stringify({ ...response, grant_id: issued.grantId, sid: issued.sid }))
  }
}

async function ensureLoaded(loader: SubjectLoader, sub: string): Promise<void> {
  try {
    await loader.ensureLoaded(sub)
  } catch (error) {
    if (!(error instanceof SubjectLoadError)) throw error
    throw new ProblemError(
      'temporarily-unavailable',
      'This subject could not be loaded from the existing system. Nothing was issued. The log has the reason.',
      { cause: error, headers: { 'Retry-After': String(error.retryAfterSeconds) } },
    )
  }
}

function toIssueRequest(request: Body, client: Client, issuer: string): IssueRequest {
  const { metadata } = client
  if (request.refresh === true && !metadata.grant_types.includes('refresh_token')) {
    throw new ProblemError(
      'unprocessable',
      'The client is not registered for the grant type refresh_token.',
    )
  }
  if (request.sid !== undefined && request.session !== undefined) {
    throw new ProblemError(
      'unprocessable',
      'The device of a session is set when it starts: send either sid or session.',
    )
  }
  const { ip, user_agent } = request.session ?? {}
  return {
    authorization: {
      sub: request.sub,
      clientId: client.client_id,
      scope: request.scope === '' ? '' : grantScope(request.scope, metadata.scope),
      aud: grantResources(request.resource ?? [], metadata, issuer),
      login: loginOf(request),
    },
    subjectKind: 'user',
    session:
      request.sid === undefined
        ? { mode: 'new', device: definedMembers({ ip, user_agent }) }
        : { mode: 'join', sid: request.sid },
    accessTokenLifetimeSeconds: metadata.access_token_lifetime,
    ...(request.refresh === true
      ? {
          refresh: {
            lifetimeSeconds: metadata.refresh_token_lifetime,
            idleLifetimeSeconds: metadata.refresh_token_idle_lifetime,
          },
        }
      : {}),
  }
}

function loginOf({ acr, amr, auth_time }: Body): Login {
  return definedMembers({ acr, amr, auth_time })
}

function definedMembers<Members extends object>(members: Members) {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Members]?: NonNullable<Members[Name]>
  }
}

const REFUSALS: Readonly<Record<Exclude<IssueRefusal['kind'], 'unknown-target'>, string>> = {
  'client-changed': 'The client was changed at the same time.',
  'client-gone': 'The client is disabled.',
  'subject-suspended': 'The subject is suspended.',
  'subject-is-client':
    'The sub is the id of a registered client, and resource servers could confuse the two.',
  'session-unknown': 'The sid is not a live session. Omit it to start a new one.',
  'session-foreign': 'The session of this sid belongs to another subject.',
  'session-void': 'The session was revoked. Omit sid to start a new one.',
}

function refusal(refused: IssueRefusal): ProblemError {
  if (refused.kind === 'unknown-target') {
    return new ProblemError(
      'unprocessable',
      `No resource server is registered as ${refused.resource}.`,
    )
  }
  return new ProblemError('unprocessable', REFUSALS[refused.kind])
}
