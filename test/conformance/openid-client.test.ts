/** `openid-client`, unmodified, as an application would use it: one configuration by discovery, then calls. */
import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { TestClient } from '../fixture/requests.ts'
import { GRADES } from '../fixture/world.ts'
import {
  type ConformanceWorld,
  LIBRARY,
  SCOPE,
  startConformanceWorld,
} from './conformance-world.ts'

const METHODS = {
  client_secret_basic: client.ClientSecretBasic,
  client_secret_post: client.ClientSecretPost,
} as const

describe('openid-client', () => {
  let at: ConformanceWorld
  let web: client.Configuration
  let grades: client.Configuration
  let library: client.Configuration

  function configure(
    { client_id, client_secret }: TestClient,
    authenticate: (secret?: string) => client.ClientAuth = client.ClientSecretBasic,
  ): Promise<client.Configuration> {
    const auth = authenticate(client_secret)
    return client.discovery(new URL(at.issuer), client_id, undefined, auth, {
      algorithm: 'oauth2',
      // Documented for loopback: what goes to 127.0.0.1 needs no TLS.
      execute: [client.allowInsecureRequests],
    })
  }

  beforeAll(async () => {
    at = await startConformanceWorld()
    web = await configure(at.web)
    grades = await configure(at.grades)
    library = await configure(at.library)
  })
  afterAll(() => at.close())

  it('discovers the metadata', () => {
    expect(web.serverMetadata()).toMatchObject({
      issuer: at.issuer,
      token_endpoint: at.endpoints.token,
      revocation_endpoint: at.endpoints.revoke,
      introspection_endpoint: at.endpoints.introspect,
    })
  })

  it('discovers an issuer with a path', async () => {
    const tenant = await startConformanceWorld({ issuerPath: '/t1' })
    onTestFinished(tenant.close)
    const { client_id, client_secret } = tenant.web
    const config = await client.discovery(
      new URL(tenant.issuer),
      client_id,
      client_secret,
      client.ClientSecretBasic(client_secret),
      { algorithm: 'oauth2', execute: [client.allowInsecureRequests] },
    )
    expect((await client.clientCredentialsGrant(config)).access_token).toMatch(/^cc_at_/)
  })

  for (const [method, authenticate] of Object.entries(METHODS)) {
    it(`gets a token with ${method}`, async () => {
      const config = await configure(at.web, authenticate)
      const resource = new URLSearchParams([
        ['resource', GRADES],
        ['resource', LIBRARY],
      ])
      const issued = await client.clientCredentialsGrant(config, resource)
      expect(issued.token_type).toBe('bearer')
      expect(issued.expiresIn()).toBeGreaterThan(0)
      expect(await client.tokenIntrospection(library, issued.access_token)).toMatchObject({
        active: true,
        aud: [GRADES, LIBRARY],
        scope: SCOPE,
      })
    })
  }

  it('introspects: active, and inactive', async () => {
    const { access_token } = await client.clientCredentialsGrant(web, { resource: GRADES })
    expect(await client.tokenIntrospection(grades, access_token)).toMatchObject({ active: true })
    expect(await client.tokenIntrospection(library, access_token)).toEqual({ active: false })
    expect(await client.tokenIntrospection(grades, 'junk')).toEqual({ active: false })
  })

  it('refreshes with rotation and narrows', async () => {
    const { refresh_token } = await at.login('alice')
    const second = await client.refreshTokenGrant(web, refresh_token, { scope: 'profile' })
    expect(second.scope).toBe('profile')
    expect(second.refresh_token).not.toBe(refresh_token)
    const third = await client.refreshTokenGrant(web, second.refresh_token as string)
    expect(third.scope).toBe(SCOPE)
    expect(await client.tokenIntrospection(grades, third.access_token)).toMatchObject({
      active: true,
      sub: 'alice',
    })
    const reuse = client.refreshTokenGrant(web, refresh_token)
    await expect(reuse).rejects.toMatchObject({ error: 'invalid_grant' })
    expect(await client.tokenIntrospection(grades, third.access_token)).toEqual({ active: false })
  })

  it('revokes an access token, and a whole grant by its refresh token', async () => {
    const { access_token } = await client.clientCredentialsGrant(web)
    await client.tokenRevocation(web, access_token)
    expect(await client.tokenIntrospection(grades, access_token)).toEqual({ active: false })
    const login = await at.login('alice')
    await client.tokenRevocation(web, login.refresh_token, { token_type_hint: 'access_token' })
    expect(await client.tokenIntrospection(grades, login.access_token)).toEqual({ active: false })
    await client.tokenRevocation(web, 'junk')
  })

  it('understands every error', async () => {
    const wrong = await configure({ ...at.web, client_secret: 'wrong' })
    const challenged = { code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE' }
    await expect(client.clientCredentialsGrant(wrong)).rejects.toMatchObject(challenged)
    await expect(client.tokenIntrospection(wrong, 'x')).rejects.toMatchObject(challenged)
    await expect(client.tokenRevocation(wrong, 'x')).rejects.toMatchObject(challenged)
    const scope = client.clientCredentialsGrant(web, { scope: 'more' })
    await expect(scope).rejects.toMatchObject({ error: 'invalid_scope', status: 400 })
    const target = client.clientCredentialsGrant(web, { resource: 'relative' })
    await expect(target).rejects.toMatchObject({ error: 'invalid_target', status: 400 })
    const grant = client.refreshTokenGrant(web, 'x')
    await expect(grant).rejects.toMatchObject({ error: 'invalid_grant', status: 400 })
    const type = client.genericGrantRequest(web, 'urn:x', {})
    await expect(type).rejects.toMatchObject({ error: 'unsupported_grant_type', status: 400 })
    const unregistered = client.tokenIntrospection(web, 'x')
    await expect(unregistered).rejects.toMatchObject({ error: 'unauthorized_client', status: 403 })
  })
})
