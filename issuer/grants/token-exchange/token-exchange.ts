/**
 * The token exchange grant (RFC 8693): an access token in exchange for another one, never with more rights. This file decides
 * how to narrow it, from facts of the subject token that never change. The store checks again that the subject token is active,
 * in the step that issues. Any invalid token gets the same 400; only the log says whether it was unknown, expired, revoked or
 * foreign. The actor is recorded only; authorization depends on the subject alone.
 */
import type { Form } from '../../../http/body/form.ts'
import { invalidRequest, OAuthError } from '../../../http/errors/oauth-error.ts'
import type { RequestState } from '../../../http/pipeline/request-context.ts'
import type { ActiveState, RoleQuestion } from '../../../store/grants/introspect.ts'
import { splitList } from '../../../store/grants/records.ts'
import type { ParsedToken } from '../../../store/mint/token.ts'
import type { Client } from '../../../store/registry/clients.ts'
import { compileRoleSchema } from '../../../store/roles/resolve.ts'
import type { Store } from '../../../store/store.ts'
import { grantScope } from '../../values/scope.ts'
import { issueRefusal } from '../issue-refusal.ts'
import { type GrantContext, type TokenResponse, toTokenResponse } from '../token-response.ts'
import { chainActor } from './actor.ts'
import { ACCESS_TOKEN_TYPE, type ExchangeParameters, readExchangeParameters } from './parameters.ts'
import { exchangeTarget } from './target.ts'
import { assertMayAssume, narrowView } from './view.ts'

type TokenRole = 'subject_token' | 'actor_token'

/** The client that presents a token, and its request. */
interface Presenter {
  readonly client: Client
  readonly context: GrantContext
  readonly state: RequestState
}

interface UsableToken {
  readonly token: ParsedToken
  readonly state: ActiveState
}

/**
 * @throws {OAuthError} `unauthorized_client` for a public client; `invalid_request` for a malformed request and for
 *   invalid tokens; `invalid_scope` and `invalid_target` when more is requested than the subject token has
 */
export async function exchangeToken(
  client: Client,
  form: Form,
  context: GrantContext,
  state: RequestState,
): Promise<TokenResponse> {
  const { store, trail } = context
  const presenter: Presenter = { client, context, state }
  if (client.metadata.token_endpoint_auth_method === 'none') {
    throw new OAuthError('unauthorized_client', 'a public client cannot exchange tokens')
  }
  const asked = readExchangeParameters(form)
  const question = asked.role === undefined ? 'none' : asked.contexts
  const subject = await usable('subject_token', asked.subjectToken, presenter, question)
  const { authorization, exchange } = subject.state.record
  const scope = exchangeScope(asked.scope, authorization.scope, client)
  const aud = await exchangeTarget(asked, authorization.aud, client, store.clients.get)
  const view = narrowView(asked, exchange?.view)
  await assertAssumable(asked, subject.state, store)
  const actor = await actorOf(asked, authorization.sub, presenter)
  const act = chainActor(actor, client.client_id, authorization.login.act)
  const outcome = await store.tokens.exchange({
    origin: subject.token,
    authorization: {
      ...authorization,
      clientId: client.client_id,
      scope,
      aud,
      login: { ...authorization.login, act },
    },
    accessTokenLifetimeSeconds: client.metadata.access_token_lifetime,
    ...(view === undefined ? {} : { view }),
  })
  if (outcome.kind === 'client-gone') throw issueRefusal(outcome)
  if (outcome.kind === 'inactive') throw unacceptable('subject_token', outcome.reason)
  await trail.changed(state, {
    action: 'token.exchange',
    subject: authorization.sub,
    client: client.client_id,
    target: { jti: outcome.jti, from: subject.state.jti, ...viewNames(asked), act_sub: act.sub },
  })
  const expiresIn = outcome.expiresAt - outcome.issuedAt
  const response = toTokenResponse({ ...outcome, expiresIn, scope })
  return { ...response, issued_token_type: ACCESS_TOKEN_TYPE }
}

function viewNames({ contexts, role }: ExchangeParameters) {
  return {
    ...(contexts.length === 0 ? {} : { contexts: contexts.join(' ') }),
    ...(role === undefined ? {} : { role }),
  }
}

/** A token that is active, and either issued to the client or meant for it. */
async function usable(
  role: TokenRole,
  presented: string,
  { client, context, state: request }: Presenter,
  question: RoleQuestion = 'none',
): Promise<UsableToken> {
  const { store, trail } = context
  const token = await store.locate(presented)
  if (token === undefined) throw unacceptable(role, 'junk')
  const { state } = await store.tokens.introspect(presented, '', question)
  if (state.kind === 'inactive') throw unacceptable(role, state.reason)
  const { clientId, aud } = state.record.authorization
  const isMeantFor = aud.some((resource) => client.metadata.resources.includes(resource))
  if (clientId !== client.client_id && !isMeantFor) {
    // Recorded: the client has a token that was never meant for it.
    trail.refusedAction(request, 'exchange.refused', 'foreign')
    throw unacceptable(role, 'foreign')
  }
  return { token, state }
}

/** The scopes that both the subject token and the client have, or the requested part of them. */
function exchangeScope(asked: string | undefined, granted: string, client: Client): string {
  const allowed = new Set(splitList(client.metadata.scope))
  const grantable = splitList(granted).filter((scope) => allowed.has(scope))
  return grantScope(asked, grantable.join(' '))
}

async function assertAssumable(
  { role, contexts }: ExchangeParameters,
  { roles }: ActiveState,
  store: Store,
): Promise<void> {
  if (role === undefined || roles === undefined) return
  const schema = await store.roleSchemas.get()
  assertMayAssume(role, contexts, roles, compileRoleSchema(schema.roles))
}

async function actorOf(
  { actorToken, role }: ExchangeParameters,
  sub: string,
  presenter: Presenter,
): Promise<string> {
  if (actorToken !== undefined) {
    const { state } = await usable('actor_token', actorToken, presenter)
    return state.record.authorization.sub
  }
  // A subject that assumes a role acts for itself.
  return role === undefined ? presenter.client.client_id : sub
}

function unacceptable(role: TokenRole, detail: string): OAuthError {
  return invalidRequest(`the ${role} is not valid for this client`, {
    detail: `${role}: ${detail}`,
  })
}
