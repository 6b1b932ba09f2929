/** `oauth4webapi`, unmodified: a strict client that refuses every deviation from the RFCs. */
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../fixture/requests.ts'
import { GRADES } from '../fixture/world.ts'
import {
  type ConformanceWorld,
  LIBRARY,
  SCOPE,
  startConformanceWorld,
} from './conformance-world.ts'

// The library's own way to say that these requests go to loopback.
const INSECURE = { [oauth.allowInsecureRequests]: true } as const

const METHODS = {
  client_secret_basic: oauth.ClientSecretBasic,
  client_secret_post: oauth.ClientSecretPost,
} as const

describe('oauth4webapi', () => {
  let at: ConformanceWorld
  let as: oauth.AuthorizationServer

  beforeAll(async () => {
    at = await startConformanceWorld()
    const issuer = new URL(at.issuer)
    const options = { ...INSECURE, algorithm: 'oauth2' } as const
    as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options))
  })
  afterAll(() => at.close())

  const clientOf = ({ client_id }: TestClient): oauth.Client => ({ client_id })
  const basicOf = ({ client_secret }: TestClient) => oauth.ClientSecretBasic(client_secret)

  async function credentials(
    client: TestClient,
    parameters: Record<string, string> | [string, string][] = {},
    authenticate = oauth.ClientSecretBasic,
  ): Promise<oauth.TokenEndpointResponse> {
    const asked = new URLSearchParams(parameters)
    const auth = authenticate(client.client_secret)
    const who = clientOf(client)
    const response = await oauth.clientCredentialsGrantRequest(as, who, auth, asked, INSECURE)
    return oauth.processClientCredentialsResponse(as, who, response)
  }

  async function introspect(caller: TestClient, token: string) {
    const who = clientOf(caller)
    const response = await oauth.introspectionRequest(as, who, basicOf(caller), token, INSECURE)
    return oauth.processIntrospectionResponse(as, who, response)
  }

  async function refresh(client: TestClient, token: string) {
    const who = clientOf(client)
    const auth = basicOf(client)
    const response = await oauth.refreshTokenGrantRequest(as, who, auth, token, INSECURE)
    return oauth.processRefreshTokenResponse(as, who, response)
  }

  async function revoke(client: TestClient, token: string) {
    const who = clientOf(client)
    const response = await oauth.revocationRequest(as, who, basicOf(client), token, INSECURE)
    return oauth.processRevocationResponse(response)
  }

  it('discovers the endpoints', () => {
    expect(as.issuer).toBe(at.issuer)
    expect(as.token_endpoint).toBe(at.endpoints.token)
    expect(as.introspection_endpoint).toBe(at.endpoints.introspect)
  })

  it('refuses to go on without TLS unless told to', async () => {
    const auth = basicOf(at.web)
    const request = oauth.clientCredentialsGrantRequest(as, clientOf(at.web), auth, {})
    await expect(request).rejects.toMatchObject({ code: 'OAUTH_HTTP_REQUEST_FORBIDDEN' })
  })

  for (const [method, authenticate] of Object.entries(METHODS)) {
    it(`gets a token with ${method}, for the resources it names`, async () => {
      const resources: [string, string][] = [
        ['resource', GRADES],
        ['resource', LIBRARY],
        ['scope', 'profile'],
      ]
      const issued = await credentials(at.web, resources, authenticate)
      expect(issued).toMatchObject({ token_type: 'bearer', scope: 'profile' })
      expect(issued.refresh_token).toBeUndefined()
      const answer = await introspect(at.library, issued.access_token)
      expect(answer).toMatchObject({ active: true, aud: [GRADES, LIBRARY], scope: 'profile' })
    })
  }

  it('authenticates with an id and a secret that need encoding', async () => {
    const client = await at.registerWithSecret("a:b c+%!'()*~", "p+q:r é!'()*~")
    expect((await credentials(client)).access_token).toMatch(/^cc_at_/)
  })

  it('introspects: active, and inactive', async () => {
    const { access_token } = await credentials(at.web)
    expect(await introspect(at.grades, access_token)).toMatchObject({
      active: true,
      iss: as.issuer,
      client_id: 'web-app',
      sub: 'web-app',
      scope: SCOPE,
      token_type: 'Bearer',
    })
    expect(await introspect(at.library, access_token)).toEqual({ active: false })
    expect(await introspect(at.grades, 'junk')).toEqual({ active: false })
  })

  it('refreshes with rotation, and finds the reused token refused', async () => {
    const first = await at.login('alice')
    const second = await refresh(at.web, first.refresh_token)
    expect(second.refresh_token).not.toBe(first.refresh_token)
    const third = await refresh(at.web, second.refresh_token as string)
    expect(await introspect(at.grades, third.access_token)).toMatchObject({ active: true })
    await expect(refresh(at.web, first.refresh_token)).rejects.toMatchObject({
      error: 'invalid_grant',
      status: 400,
    })
    expect(await introspect(at.grades, third.access_token)).toEqual({ active: false })
  })

  it('refreshes as a public client', async () => {
    const { refresh_token } = await at.login('alice', { client_id: at.publicId })
    const who = { client_id: at.publicId }
    const none = oauth.None()
    const response = await oauth.refreshTokenGrantRequest(as, who, none, refresh_token, INSECURE)
    const next = await oauth.processRefreshTokenResponse(as, who, response)
    expect(await introspect(at.grades, next.access_token)).toMatchObject({ client_id: at.publicId })
  })

  it('revokes, again and unknown', async () => {
    const { access_token } = await credentials(at.web)
    await revoke(at.web, access_token)
    expect(await introspect(at.grades, access_token)).toEqual({ active: false })
    await revoke(at.web, access_token)
    await revoke(at.web, 'junk')
  })

  it('understands every error', async () => {
    const wrong = { ...at.web, client_secret: 'wrong' }
    // It reads a challenge before a body, so a 401 is a challenge to it.
    const challenged = { code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE', status: 401 }
    await expect(credentials(wrong)).rejects.toMatchObject(challenged)
    await expect(introspect(wrong, 'x')).rejects.toMatchObject(challenged)
    await expect(revoke(wrong, 'x')).rejects.toMatchObject(challenged)
    const refused = { code: 'OAUTH_RESPONSE_BODY_ERROR', status: 400 }
    const scope = credentials(at.web, { scope: 'more' })
    await expect(scope).rejects.toMatchObject({ ...refused, error: 'invalid_scope' })
    const target = credentials(at.web, { resource: 'https://unknown.test' })
    await expect(target).rejects.toMatchObject({ ...refused, error: 'invalid_target' })
    const grant = refresh(at.web, 'x')
    await expect(grant).rejects.toMatchObject({ ...refused, error: 'invalid_grant' })
    const { access_token } = await credentials(at.web)
    const foreign = revoke(at.other, access_token)
    await expect(foreign).rejects.toMatchObject({ ...refused, error: 'invalid_request' })
    const unregistered = introspect(at.web, access_token)
    await expect(unregistered).rejects.toMatchObject({ error: 'unauthorized_client', status: 403 })
  })

  it('understands an unsupported grant type', async () => {
    const [who, auth] = [clientOf(at.web), basicOf(at.web)]
    const response = await oauth.genericTokenEndpointRequest(as, who, auth, 'urn:x', {}, INSECURE)
    const processed = oauth.processGenericTokenEndpointResponse(as, who, response)
    await expect(processed).rejects.toMatchObject({ error: 'unsupported_grant_type' })
  })
})
