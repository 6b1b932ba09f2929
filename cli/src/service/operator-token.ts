/** The operator's access token, from client credentials. It stays in memory and is replaced once when it is refused. */
import type { Credentials, Profile } from '../input/profile-file.ts'
import type { HttpCaller } from './http-call.ts'
import { notClaimcheck, readObject, toRefusal } from './refusal.ts'
import type { Retry } from './retry.ts'

/** An access token and what it permits. */
interface AccessToken {
  readonly text: string
  readonly scope: string
}

/** Signs in and sends with the token. */
export interface OperatorToken {
  get(): Promise<AccessToken>
  /** Sends with the token; after a 401 once more with a new one. */
  authorized<Answer extends object>(
    send: (authorization: string) => Promise<Answer>,
  ): Promise<Answer>
}

/** What signing in needs. */
export interface OperatorTokenOptions {
  readonly profile: Profile
  readonly http: HttpCaller
  readonly retry: Retry
  readonly timeoutMs: number
}

/** The media type of a form, which the OAuth endpoints take. */
export const FORM = { 'content-type': 'application/x-www-form-urlencoded' } as const

/** Makes the token of a profile's operator; it is fetched when it is needed first. */
export function createOperatorToken(options: OperatorTokenOptions): OperatorToken {
  let token: Promise<AccessToken> | undefined

  function get(): Promise<AccessToken> {
    token ??= fetchToken(options).catch((error: unknown) => {
      token = undefined
      throw error
    })
    return token
  }

  return {
    get,
    async authorized(send) {
      const { text } = await get()
      const answer = await send(`Bearer ${text}`)
      if (!('status' in answer) || answer.status !== 401) return answer
      token = undefined
      return send(`Bearer ${(await get()).text}`)
    },
  }
}

async function fetchToken(options: OperatorTokenOptions): Promise<AccessToken> {
  const { http, profile, retry, timeoutMs } = options
  const { issuer, name, operator } = profile
  const answer = await retry(() =>
    http.send({
      url: `${issuer.replace(/\/$/, '')}/token`,
      method: 'POST',
      headers: { ...FORM, accept: 'application/json', authorization: basic(operator) },
      body: 'grant_type=client_credentials',
      timeoutMs,
    }),
  )
  if (answer.status !== 200) {
    throw toRefusal(answer, { profile: name, clientId: operator.clientId })
  }
  const { access_token, scope } = readObject(answer)
  if (typeof access_token !== 'string') throw notClaimcheck(answer)
  return { text: access_token, scope: typeof scope === 'string' ? scope : '' }
}

/** HTTP Basic with both halves form-encoded (RFC 6749 §2.3.1). */
export function basic({ clientId, clientSecret }: Credentials): string {
  const encode = (text: string) => new URLSearchParams([['', text]]).toString().slice(1)
  return `Basic ${btoa(`${encode(clientId)}:${encode(clientSecret)}`)}`
}
