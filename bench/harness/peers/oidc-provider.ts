// oidc-provider with opaque tokens, client credentials and introspection: `oidc-provider.ts <Redis URL> <client id> <client
// secret>`. As fast as it can be: the client in memory, every other feature off, the commands of one tick in one pipeline. A
// record is a JSON string with a time to live, hence one command to write it and one to read it.
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { Redis } from 'ioredis'
import { exportJWK, generateKeyPair } from 'jose'
import { type Adapter, type AdapterPayload, Provider } from 'oidc-provider'
import { serve } from './serve.ts'

const [redisUrl = '', clientId = '', clientSecret = ''] = process.argv.slice(2)
const redis = new Redis(redisUrl, { enableAutoPipelining: true })
const SCOPE = 'grades:read'
const LIFETIME_SECONDS = 3_600

function adapterOf(model: string): Adapter {
  const keyOf = (id: string): string => `oidc:${model}:${id}`
  const neverAsked = async (): Promise<never> => {
    throw new Error(`a client's own tokens need no more of ${model}`)
  }
  return {
    async find(id) {
      const json = await redis.get(keyOf(id))
      return json === null ? undefined : (JSON.parse(json) as AdapterPayload)
    },
    async upsert(id, payload, expiresIn = LIFETIME_SECONDS) {
      await redis.set(keyOf(id), JSON.stringify(payload), 'EX', expiresIn)
    },
    consume: neverAsked,
    destroy: neverAsked,
    revokeByGrantId: neverAsked,
    findByUid: neverAsked,
    findByUserCode: neverAsked,
  }
}

const { privateKey } = await generateKeyPair('ES256', { extractable: true })
const provider = new Provider('http://127.0.0.1', {
  adapter: adapterOf,
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      scope: SCOPE,
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: { keys: [await exportJWK(privateKey)] },
  cookies: { keys: [randomUUID()] },
  scopes: ['openid', SCOPE],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    devInteractions: { enabled: false },
    dPoP: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    resourceIndicators: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    userinfo: { enabled: false },
  },
  ttl: { ClientCredentials: LIFETIME_SECONDS },
})
serve(createServer(provider.callback()))
