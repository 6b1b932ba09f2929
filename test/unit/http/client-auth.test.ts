import { describe, expect, it } from 'vitest'
import {
  type AuthFailure,
  type RegisteredClient,
  verifyClient,
} from '../../../http/auth/client-auth.ts'
import { hashSecret, type PresentedCredentials } from '../../../http/auth/client-credentials.ts'
import type { OAuthError } from '../../../http/errors/oauth-error.ts'

const client: RegisteredClient = {
  client_id: 'a',
  enabled: true,
  token_endpoint_auth_method: 'client_secret_basic',
  secret_hashes: [hashSecret('new'), hashSecret('old')],
}
const publicClient: RegisteredClient = {
  ...client,
  token_endpoint_auth_method: 'none',
  secret_hashes: [],
}
const secret = (
  text: string,
  kind: 'basic' | 'post' = 'basic',
  clientId = 'a',
): PresentedCredentials => ({
  kind,
  clientId,
  secretHash: hashSecret(text),
})
const bare: PresentedCredentials = { kind: 'client-id', clientId: 'a' }

function setUp(retryAfterSeconds?: number) {
  const recorded: AuthFailure[] = []
  const failures = {
    async record(failure: AuthFailure) {
      recorded.push(failure)
      return retryAfterSeconds === undefined ? undefined : { retryAfterSeconds }
    },
  }
  const verify = (
    presented: PresentedCredentials,
    registered?: RegisteredClient,
    allowPublic = false,
  ) => verifyClient(presented, registered, { allowPublic, source: '192.0.2.1', failures })
  const refusal = (
    presented: PresentedCredentials,
    registered?: RegisteredClient,
    allowPublic?: boolean,
  ) =>
    verify(presented, registered, allowPublic).then(
      () => expect.unreachable(),
      (error: OAuthError) => error,
    )
  return { recorded, verify, refusal }
}
const shape = ({ error, status, description, headers }: OAuthError) => ({
  error,
  status,
  description,
  headers,
})

describe('verifyClient', () => {
  it('accepts any live secret, by Basic or in the body', async () => {
    const { verify, recorded } = setUp()
    for (const presented of [secret('new'), secret('old'), secret('new', 'post')]) {
      expect(await verify(presented, client)).toBe(client)
    }
    expect(recorded).toEqual([])
  })

  it('gives one answer to every reason for refusing a secret', async () => {
    const { refusal, recorded } = setUp()
    const disabled = { ...client, enabled: false }
    const answers = [
      await refusal(secret('wrong'), client),
      await refusal(secret('new'), undefined),
      await refusal(secret('new'), disabled),
      await refusal(secret('new'), { ...client, client_id: 'b' }),
      await refusal(secret('new'), { ...client, secret_hashes: [] }),
      await refusal(secret(''), { ...client, secret_hashes: ['short'] }),
      await refusal(secret('new'), { ...client, token_endpoint_auth_method: 'none' }),
    ]
    for (const answer of answers) {
      expect(shape(answer)).toEqual({
        error: 'invalid_client',
        status: 401,
        description: 'client authentication failed',
        headers: { 'WWW-Authenticate': 'Basic realm="claimcheck"' },
      })
    }
    expect(recorded.length).toBe(answers.length)
    expect(recorded[0]).toEqual({ clientId: 'a', source: '192.0.2.1' })
  })

  it('takes no presented value for the filler of an empty slot', async () => {
    const { refusal } = setUp()
    const presented = { kind: 'basic', clientId: 'a', secretHash: '_'.repeat(43) } as const
    expect((await refusal(presented, { ...client, secret_hashes: [] })).error).toBe(
      'invalid_client',
    )
  })

  it('keeps a client that registered for the body from using Basic', async () => {
    const { verify, refusal } = setUp()
    const posting: RegisteredClient = {
      ...client,
      token_endpoint_auth_method: 'client_secret_post',
    }
    expect(await verify(secret('new', 'post'), posting)).toBe(posting)
    expect((await refusal(secret('new'), posting)).status).toBe(401)
  })

  it('accepts a bare client_id only of a public client and only where that is allowed', async () => {
    const { verify, refusal } = setUp()
    expect(await verify(bare, publicClient, true)).toBe(publicClient)
    expect((await refusal(bare, publicClient, false)).status).toBe(401)
    expect((await refusal(bare, client, true)).status).toBe(401)
    expect((await refusal(bare, { ...publicClient, enabled: false }, true)).status).toBe(401)
    expect((await refusal(bare, undefined, true)).status).toBe(401)
  })

  it('answers nothing presented with a Basic challenge and a bearer token with a Bearer one', async () => {
    const { refusal, recorded } = setUp()
    expect((await refusal({ kind: 'none' })).headers['WWW-Authenticate']).toMatch(/^Basic /)
    const bearer = await refusal({ kind: 'bearer', token: 'x' })
    expect(bearer).toMatchObject({ error: 'invalid_token', status: 401 })
    expect(bearer.headers['WWW-Authenticate']).toMatch(
      /^Bearer realm="claimcheck", error="invalid_token"/,
    )
    expect(recorded).toEqual([])
  })

  it('slows a guesser down without ever barring the right secret', async () => {
    const { verify, refusal } = setUp(2.2)
    const slowed = await refusal(secret('wrong'), client)
    expect(slowed).toMatchObject({ error: 'invalid_client', status: 429 })
    expect(slowed.headers['Retry-After']).toBe('3')
    expect(await verify(secret('new'), client)).toBe(client)
  })
})
