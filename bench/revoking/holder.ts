/** Somebody whose tokens are revoked: a subject with one session at one client, one grant that was refreshed, and the rest. */
import { type Installation, RESOURCE, SCOPE } from '../installation.ts'

/** What to issue. */
export interface HolderRequest {
  readonly sub: string
  readonly clientId: string
  /** Live tokens, those of the grant included. */
  readonly held: number
  /** Those of the grant: it is refreshed so often less one. */
  readonly ofGrant: number
}

/** What was issued. Ids are public ones. */
export interface Holder extends HolderRequest {
  readonly installation: Installation
  readonly sid: string
  readonly grantId: string
  /** Some of the tokens of the grant, and some of all. */
  readonly grantTokens: readonly string[]
  readonly tokens: readonly string[]
}

const DAY_SECONDS = 86_400
const ISSUED_AT_ONCE = 500
const SAMPLES = 20

/** Issues the tokens the way the issuer does it. */
export async function createHolder(
  installation: Installation,
  request: HolderRequest,
): Promise<Holder> {
  const { held, ofGrant } = request
  const login = await issue(installation, request, undefined)
  const sid = login.sid as string
  const grantTokens = await refreshed(installation, login, request)
  const tokens = [...grantTokens]
  for (let done = ofGrant; done < held; done += ISSUED_AT_ONCE) {
    const size = Math.min(ISSUED_AT_ONCE, held - done)
    const batch = Array.from({ length: size }, () => issue(installation, request, sid))
    tokens.push(...(await Promise.all(batch)).map(({ accessToken }) => accessToken))
  }
  return {
    ...request,
    installation,
    sid,
    grantId: login.grantId,
    grantTokens: some(grantTokens),
    tokens: some(tokens),
  }
}

/** @param sid the session to join; without one the token is that of a login, with a refresh token */
async function issue(
  { store }: Installation,
  { sub, clientId }: HolderRequest,
  sid: string | undefined,
) {
  const issued = await store.tokens.issue({
    authorization: { sub, clientId, scope: SCOPE, aud: [RESOURCE], login: {} },
    subjectKind: 'user',
    session: sid === undefined ? { mode: 'new', device: {} } : { mode: 'join', sid },
    accessTokenLifetimeSeconds: DAY_SECONDS,
    ...(sid === undefined
      ? { refresh: { lifetimeSeconds: DAY_SECONDS, idleLifetimeSeconds: DAY_SECONDS } }
      : {}),
  })
  if (issued.kind !== 'issued') throw new Error(`a token was not issued: ${issued.kind}`)
  return issued
}

/** All tokens of the grant: the first, and one of each refresh. */
async function refreshed(
  { store }: Installation,
  login: { readonly accessToken: string; readonly refreshToken: string | undefined },
  { clientId, ofGrant }: HolderRequest,
): Promise<readonly string[]> {
  const tokens = [login.accessToken]
  let presented = login.refreshToken as string
  while (tokens.length < ofGrant) {
    const token = await store.locate(presented)
    if (token === undefined) throw new Error('a refresh token is not known')
    const outcome = await store.grants.refresh({
      presented,
      token,
      clientId,
      accessTokenLifetimeSeconds: DAY_SECONDS,
      idleLifetimeSeconds: DAY_SECONDS,
    })
    if (outcome.kind !== 'refreshed') throw new Error(`a grant was not refreshed: ${outcome.kind}`)
    presented = outcome.refreshToken
    tokens.push(outcome.accessToken)
  }
  return tokens
}

function some(tokens: readonly string[]): readonly string[] {
  const every = Math.ceil(tokens.length / SAMPLES)
  return tokens.filter((_, n) => n % every === 0)
}

/** @throws {Error} unless all of them are as they should be */
export async function assertActive(
  { store }: Installation,
  tokens: readonly string[],
  isActive: boolean,
): Promise<void> {
  const answers = await Promise.all(tokens.map((token) => store.tokens.introspect(token, '')))
  const active = answers.filter(({ state }) => state.kind === 'active').length
  const wanted = isActive ? tokens.length : 0
  if (active !== wanted) throw new Error(`of ${tokens.length} tokens ${active} are active`)
}
