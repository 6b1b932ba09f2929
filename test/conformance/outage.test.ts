/** What the endpoints answer while Redis is away or refuses writes: never something untrue. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fetchToken, postForm } from '../fixture/requests.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { INACTIVE } from '../fixture/world.ts'
import { expectError } from './answer.ts'
import { type ConformanceWorld, startConformanceWorld } from './conformance-world.ts'
import { verifies } from './verifies.ts'

describe('Redis away or unwilling', () => {
  let at: ConformanceWorld

  beforeAll(async () => {
    at = await startConformanceWorld({
      redis: ['--appendonly', 'yes'],
      store: { commandTimeoutMs: 2_000 },
    })
  })
  afterAll(() => at.close())

  async function expectUnavailable(response: Response): Promise<void> {
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    await expectError(response, 503, 'temporarily_unavailable')
  }

  /** Runs `act` while Redis hangs, and waits until the services have found it again. */
  async function whileHanging(act: () => Promise<void>): Promise<void> {
    at.redis.pause()
    try {
      await act()
    } finally {
      at.redis.resume()
    }
    await recovered()
  }

  async function recovered(): Promise<void> {
    for (const url of [at.endpoints.token, at.endpoints.introspect]) {
      const ready = new URL('/readyz', url)
      await waitFor(async () => (await fetch(ready)).status === 200)
    }
  }

  verifies(['7662-2.3-d'], 'introspection is 503, never a verdict', async () => {
    const token = await fetchToken(at.issuer, at.web)
    const ask = (text: string) => postForm(at.endpoints.introspect, at.grades, { token: text })
    await whileHanging(async () => {
      for (const text of [token, 'junk']) await expectUnavailable(await ask(text))
    })
    expect(await at.verdict(token)).not.toBe(INACTIVE)
  })

  verifies(['7009-2.2.1-b'], 'revocation is 503, and a repeat settles it', async () => {
    const token = await fetchToken(at.issuer, at.web)
    await whileHanging(async () => {
      await expectUnavailable(await postForm(at.endpoints.revoke, at.web, { token }))
    })
    // What was cut short may have been carried out: 503 promises neither. A repeat settles it.
    expect((await postForm(at.endpoints.revoke, at.web, { token })).status).toBe(200)
    expect(await at.verdict(token)).toBe(INACTIVE)
  })

  verifies(['7662-2.3-d', '7009-2.2.1-b'], 'the same while Redis is not running', async () => {
    const token = await fetchToken(at.issuer, at.web)
    await at.redis.kill()
    await expectUnavailable(await postForm(at.endpoints.introspect, at.grades, { token }))
    await expectUnavailable(await postForm(at.endpoints.revoke, at.web, { token }))
    await expectUnavailable(
      await postForm(at.endpoints.token, at.web, 'grant_type=client_credentials'),
    )
    const metadata = await fetch(`${at.issuer}/.well-known/oauth-authorization-server`)
    expect(metadata.status).toBe(200)
    await at.redis.start()
    await recovered()
    expect(await at.verdict(token)).not.toBe(INACTIVE)
  })

  verifies(['7009-2.2.1-c'], 'a Redis that became a replica makes no 200', async () => {
    const token = await fetchToken(at.issuer, at.web)
    await at.redis.direct.call('REPLICAOF', '127.0.0.1', '1')
    try {
      await expectUnavailable(await postForm(at.endpoints.revoke, at.web, { token }))
      await expectUnavailable(
        await postForm(at.endpoints.token, at.web, 'grant_type=client_credentials'),
      )
    } finally {
      await at.redis.direct.call('REPLICAOF', 'NO', 'ONE')
    }
    await recovered()
    await waitFor(
      async () => (await postForm(at.endpoints.revoke, at.web, { token })).status === 200,
    )
    expect(await at.verdict(token)).toBe(INACTIVE)
  })

  verifies(['7009-2.2.1-c'], 'a write that fails makes no 200', async () => {
    const token = await fetchToken(at.issuer, at.web)
    await at.redis.direct.config('SET', 'min-replicas-to-write', '1')
    try {
      await expectUnavailable(await postForm(at.endpoints.revoke, at.web, { token }))
    } finally {
      await at.redis.direct.config('SET', 'min-replicas-to-write', '0')
    }
    expect(await at.verdict(token)).not.toBe(INACTIVE)
    expect((await postForm(at.endpoints.revoke, at.web, { token })).status).toBe(200)
    expect(await at.verdict(token)).toBe(INACTIVE)
  })

  it('mints nothing when memory is full, but still revokes', async () => {
    const token = await fetchToken(at.issuer, at.web)
    await at.redis.direct.config('SET', 'maxmemory', '1')
    try {
      await expectUnavailable(
        await postForm(at.endpoints.token, at.web, 'grant_type=client_credentials'),
      )
      expect((await postForm(at.endpoints.revoke, at.web, { token })).status).toBe(200)
      expect(await at.verdict(token)).toBe(INACTIVE)
    } finally {
      await at.redis.direct.config('SET', 'maxmemory', '0')
    }
  })
})
