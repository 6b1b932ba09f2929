/** RFC 6749 §10: tokens cannot be guessed, and Redis never sees one. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { fetchToken, postForm } from '../fixture/requests.ts'
import { INACTIVE } from '../fixture/world.ts'
import { jsonOf } from './answer.ts'
import { type ConformanceWorld, startConformanceWorld } from './conformance-world.ts'
import { trafficOf } from './redis-traffic.ts'
import { verifies } from './verifies.ts'

const RANDOM_START = 24
const RANDOM_END = 56
const BITS_PER_CHARACTER = 6
const TOKENS = 400
/** In 400 draws from 64 characters, one is missing in about one of eight tries; below fifty it is a defect. */
const MIN_DISTINCT = 50

describe('RFC 6749 §10: security of tokens', () => {
  let at: ConformanceWorld

  beforeAll(async () => {
    at = await startConformanceWorld()
  })
  afterAll(() => at.close())

  verifies(
    ['6749-10.3-a'],
    'Redis is never sent a token or a secret, in whole or in part',
    async () => {
      const secrets = [at.web, at.grades, at.admin].map((client) => client.client_secret)
      const traffic = await trafficOf(at.redis, async () => {
        const fresh = await at.register('fresh-app')
        secrets.push(fresh.client_secret)
        const own = await fetchToken(at.issuer, at.web)
        const first = await at.login('alice')
        const form = { grant_type: 'refresh_token', refresh_token: first.refresh_token }
        const next = await jsonOf(await postForm(at.endpoints.token, at.web, form))
        await postForm(at.endpoints.token, at.web, form)
        const tokens = [own, first.access_token, String(next.access_token)]
        for (const token of tokens) await at.verdict(token)
        await at.callAdmin('POST', '/revocations', { token: own })
        await postForm(at.endpoints.revoke, at.web, { token: String(next.refresh_token) })
        await postForm(
          at.endpoints.introspect,
          { ...at.grades, client_secret: 'wrong-secret-x' },
          { token: own },
        )
        secrets.push('wrong-secret-x', at.adminToken(), ...tokens)
        secrets.push(first.refresh_token, String(next.refresh_token))
      })
      expect(traffic.length).toBeGreaterThan(10)
      expectNone(JSON.stringify(traffic), secrets)
      expectNone(await everythingIn(at), secrets)
      expectNone(at.logs.join(''), secrets)
    },
  )

  verifies(['6749-10.10-a'], 'each token has 192 new random bits', async () => {
    const randoms: string[] = []
    const tokens: string[] = []
    while (tokens.length < TOKENS) {
      const batch = Array.from({ length: 40 }, () => fetchToken(at.issuer, at.web))
      tokens.push(...(await Promise.all(batch)))
    }
    for (const token of tokens) randoms.push(token.slice(RANDOM_START, RANDOM_END))
    expect((RANDOM_END - RANDOM_START) * BITS_PER_CHARACTER).toBeGreaterThanOrEqual(160)
    expect(new Set(randoms).size).toBe(TOKENS)
    for (let position = 0; position < RANDOM_END - RANDOM_START; position++) {
      const distinct = new Set(randoms.map((random) => random[position]))
      expect(distinct.size).toBeGreaterThan(MIN_DISTINCT)
    }
  })

  verifies(['6749-10.10-a'], 'the random part of one token in another is no token', async () => {
    const [one, two] = [await fetchToken(at.issuer, at.web), await fetchToken(at.issuer, at.web)]
    const spliced =
      one.slice(0, RANDOM_START) + two.slice(RANDOM_START, RANDOM_END) + one.slice(RANDOM_END)
    expect(await at.verdict(spliced, 1)).toBe(INACTIVE)
  })
})

/** The random part alone would be as good a find as the whole. */
function expectNone(haystack: string, secrets: readonly string[]): void {
  for (const secret of secrets) {
    const part = secret.startsWith('cc_') ? secret.slice(RANDOM_START, RANDOM_END) : secret
    expect(haystack.includes(part)).toBe(false)
  }
}

/** Every key and value, as text. */
async function everythingIn({ redis: { direct } }: ConformanceWorld): Promise<string> {
  const parts: string[] = []
  for (const key of await direct.keys('*')) {
    parts.push(key, JSON.stringify(await readKey(direct, key)))
  }
  return parts.join('\n')
}

async function readKey(direct: ConformanceWorld['redis']['direct'], key: string): Promise<unknown> {
  const type = await direct.type(key)
  switch (type) {
    case 'string':
      return direct.get(key)
    case 'hash':
      return direct.hgetall(key)
    case 'zset':
      return direct.zrange(key, '0', '-1')
    case 'stream':
      return direct.xrange(key, '-', '+')
    default:
      throw new Error(`a key of type ${type}, which this test does not read`)
  }
}
