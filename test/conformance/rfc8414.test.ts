/** RFC 8414: the metadata document, and where it is found. */
import { allowInsecureRequests, discoveryRequest, processDiscoveryResponse } from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authorizationServerMetadata } from '../../issuer/metadata.ts'
import { parseSettings, SettingsError } from '../../settings/settings.ts'
import { fetchToken } from '../fixture/requests.ts'
import { expectError, jsonOf } from './answer.ts'
import { type ConformanceWorld, startConformanceWorld } from './conformance-world.ts'
import { verifies } from './verifies.ts'

const WELL_KNOWN = '/.well-known/oauth-authorization-server'
const FROM = { [allowInsecureRequests]: true, algorithm: 'oauth2' } as const

const noFile = (): never => {
  throw new Error('no file is named')
}
const problemsOf = (issuer: string) => {
  try {
    parseSettings({ CLAIMCHECK_ISSUER: issuer }, noFile)
    return []
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    return error.problems.map(({ name }) => name)
  }
}

describe('RFC 8414: authorization server metadata', () => {
  let at: ConformanceWorld
  const document = async () => jsonOf(await fetch(at.issuer + WELL_KNOWN))

  beforeAll(async () => {
    at = await startConformanceWorld()
  })
  afterAll(() => at.close())

  const unfit = [
    'http://auth.example.test',
    'https://auth.example.test?a',
    'https://auth.example.test/?a=b',
    'https://auth.example.test#a',
    'https://auth.example.test/#',
    'https://user@auth.example.test',
    'ftp://auth.example.test',
    'auth.example.test',
    '//auth.example.test',
  ]
  for (const issuer of unfit) {
    verifies(['8414-2-a'], `no start as ${issuer}`, () => {
      expect(problemsOf(issuer)).toEqual(['CLAIMCHECK_ISSUER'])
    })
  }

  verifies(['8414-2-a'], 'https starts, with and without a path; http on loopback only', () => {
    for (const issuer of ['https://auth.example.test', 'https://auth.example.test/t1/']) {
      expect(problemsOf(issuer)).toEqual([])
    }
    expect(problemsOf('http://127.0.0.1:4000')).toEqual([])
    expect(problemsOf('http://127.0.0.1.example.test')).toEqual(['CLAIMCHECK_ISSUER'])
  })

  verifies(['8414-2-b', '8414-2-d'], 'the document names every endpoint there is', async () => {
    const { issuer, introspect } = at
    const methods = ['client_secret_basic', 'client_secret_post']
    const metadata = await document()
    expect(metadata).toEqual({
      issuer,
      token_endpoint: `${issuer}/token`,
      token_endpoint_auth_methods_supported: [...methods, 'none'],
      grant_types_supported: [
        'client_credentials',
        'refresh_token',
        'urn:ietf:params:oauth:grant-type:token-exchange',
      ],
      scopes_supported: expect.any(Array),
      revocation_endpoint: `${issuer}/revoke`,
      revocation_endpoint_auth_methods_supported: [...methods, 'none'],
      introspection_endpoint: `${introspect[0]}/introspect`,
      introspection_endpoint_auth_methods_supported: methods,
      claimcheck_introspection_batch_endpoint: `${introspect[0]}/introspect/batch`,
      claimcheck_feed_endpoint: `${introspect[0]}/feed`,
    })
  })

  verifies(['8414-2-d'], 'each endpoint named answers, by each method named', async () => {
    const metadata = await document()
    for (const name of ['token_endpoint', 'revocation_endpoint', 'introspection_endpoint']) {
      const response = await fetch(String(metadata[name]))
      await expectError(response, 405, 'invalid_request')
    }
  })

  verifies(['8414-2-c'], 'no JWT method is listed, hence no signing algorithm', async () => {
    const metadata = await document()
    const names = Object.keys(metadata)
    const methods = names.filter((name) => name.endsWith('_auth_methods_supported'))
    expect(methods).toHaveLength(3)
    expect(methods.flatMap((name) => metadata[name]).filter(isJwtMethod)).toEqual([])
    expect(names.filter((name) => name.includes('signing_alg'))).toEqual([])
  })

  const isJwtMethod = (method: unknown) => String(method).endsWith('_jwt')

  verifies(['8414-3.2-a'], 'it is JSON, cacheable, without empty members (X5)', async () => {
    const response = await fetch(at.issuer + WELL_KNOWN)
    expect(response.headers.get('cache-control')).toMatch(/^public, max-age=[1-9]\d*$/)
    expect(response.headers.get('pragma')).toBeNull()
    const metadata = await jsonOf(response)
    for (const value of Object.values(metadata)) expect(value).not.toHaveLength(0)
    expect(metadata).not.toHaveProperty('response_types_supported')
  })

  it('answers HEAD like GET and refuses POST', async () => {
    const head = await fetch(at.issuer + WELL_KNOWN, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    const post = await fetch(at.issuer + WELL_KNOWN, { method: 'POST' })
    expect(post.headers.get('allow')).toMatch(/\bGET\b/)
    await expectError(post, 405, 'invalid_request')
  })

  verifies(['8414-3.3-a'], 'a strict client finds the issuer identical, or refuses', async () => {
    const used = new URL(at.issuer)
    const other = new URL(at.issuer.replace('127.0.0.1', 'localhost'))
    const response = () => fetch(at.issuer + WELL_KNOWN)
    const found = await processDiscoveryResponse(used, await discoveryRequest(used, FROM))
    expect(found.issuer).toBe(at.issuer)
    await expect(processDiscoveryResponse(other, await response())).rejects.toThrow(/issuer/)
    const deeper = new URL(`${at.issuer}/t1`)
    await expect(processDiscoveryResponse(deeper, await response())).rejects.toThrow(/issuer/)
  })

  verifies(['7009-2-c'], 'behind https nothing is published without it', () => {
    const metadata = authorizationServerMetadata({
      issuer: 'https://auth.example.test',
      introspectUrl: 'https://auth.example.test',
    })
    expect(JSON.stringify(metadata)).not.toContain('http:')
    const settings = {
      CLAIMCHECK_ISSUER: 'https://auth.example.test',
      CLAIMCHECK_INTROSPECT_URL: 'http://introspect.example.test',
    }
    expect(() => parseSettings(settings, noFile)).toThrow('CLAIMCHECK_INTROSPECT_URL')
  })
})

for (const issuerPath of ['/t1', '/t1/', '/a/b']) {
  describe(`RFC 8414: an issuer with the path ${issuerPath}`, () => {
    let at: ConformanceWorld

    beforeAll(async () => {
      at = await startConformanceWorld({ issuerPath })
    })
    afterAll(() => at.close())

    verifies(['8414-3-a'], 'the well-known text stands between host and path', async () => {
      const { issuer } = at
      const { origin } = new URL(issuer)
      const path = issuerPath.replace(/\/$/, '')
      const metadata = await jsonOf(await fetch(origin + WELL_KNOWN + path))
      expect(metadata).toMatchObject({
        issuer,
        token_endpoint: `${origin}${path}/token`,
        revocation_endpoint: `${origin}${path}/revoke`,
      })
      const elsewhere = [WELL_KNOWN, `${path}${WELL_KNOWN}`, `${WELL_KNOWN}${path}x`]
      for (const wrong of elsewhere) {
        await expectError(await fetch(origin + wrong), 404, 'not_found')
      }
    })

    verifies(['8414-3.3-a'], 'a strict client finds it, and only under its own name', async () => {
      const used = new URL(at.issuer)
      const found = await processDiscoveryResponse(used, await discoveryRequest(used, FROM))
      expect(found.issuer).toBe(at.issuer)
      const slashed = used.href.endsWith('/') ? used.href.slice(0, -1) : `${used.href}/`
      const other = new URL(slashed)
      const response = await discoveryRequest(other, FROM)
      await expect(processDiscoveryResponse(other, response)).rejects.toThrow(/issuer/)
    })

    verifies(['8414-3-a'], 'the endpoints work there, and iss is the issuer', async () => {
      const base = at.issuer.replace(/\/$/, '')
      const token = await fetchToken(base, at.web)
      const answer = await at.verdict(token)
      expect(JSON.parse(answer)).toMatchObject({ active: true, iss: at.issuer })
      const { origin } = new URL(at.issuer)
      await expectError(await fetch(`${origin}/token`, { method: 'POST' }), 404, 'not_found')
    })
  })
}
