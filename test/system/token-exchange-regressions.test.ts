/** Token exchange where registrations change under it, and where a token is sent in the wrong place. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { activeTokens } from '../fixture/requests.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { type ExchangeWorld, startExchangeWorld } from './exchange-world.ts'

let at: ExchangeWorld

beforeAll(async () => {
  at = await startExchangeWorld()
})
afterAll(() => at.close())

const active = (tokens: readonly string[]) => activeTokens(at.introspect[0], at.grades, tokens)

describe('when a client is given shorter lifetimes', () => {
  const SHORT_SECONDS = 1

  /** A login and what came of it, refreshed once more after everything has become short. */
  async function shortened(id: string) {
    const app = await at.application(id)
    const lifetimes = async (seconds: number) => {
      const registration = { grant_types: ['refresh_token'], scope: 'grades:read' }
      const response = await at.callAdmin('PUT', `/clients/${id}`, {
        ...registration,
        access_token_lifetime: seconds,
        refresh_token_idle_lifetime: seconds,
      })
      expect(response.status).toBe(200)
    }
    await lifetimes(600)
    const login = await at.login(`user-of-${id}`, { client_id: id })
    const child = await at.exchange(login.access_token)
    await lifetimes(SHORT_SECONDS)
    expect((await at.refresh(app, login.refresh_token)).status).toBe(200)
    return { login, child }
  }

  async function pass(seconds: number): Promise<void> {
    const now = async () => Number((await at.redis.direct.time())[0])
    const end = (await now()) + seconds + 1
    await waitFor(async () => (await now()) > end)
  }

  it('a revoked grant stays revoked for all that came of it', async () => {
    const { login, child } = await shortened('shortened-app')
    await at.revoke({ grant: login.grant_id })
    expect(await active([login.access_token, child])).toEqual([])
    await pass(SHORT_SECONDS)
    expect(await active([login.access_token, child])).toEqual([])
  })

  it('nothing outlives what it came of, or gets out of reach', async () => {
    const { login, child } = await shortened('unreached-app')
    await pass(SHORT_SECONDS)
    expect(await active([login.access_token, child])).toEqual([login.access_token, child])
    await at.revoke({ grant: login.grant_id })
    expect(await active([login.access_token, child])).toEqual([])
  })
})

describe('when a client is registered under the name of a user', () => {
  it('the tokens of the user mint no more', async () => {
    const { access_token } = await at.login('twin')
    const child = await at.exchange(access_token)
    await at.register('twin')
    for (const token of [access_token, child]) {
      expect((await at.refusal(token)).error).toBe('invalid_request')
    }
  })
})

describe('a token in the place of a scope', () => {
  it('is not repeated in the answer', async () => {
    const { access_token } = await at.login('alice')
    for (const scope of [access_token, `grades:read ${access_token}`]) {
      const { error, text } = await at.refusal(access_token, { scope })
      expect(error).toBe('invalid_scope')
      expect(text).not.toContain(access_token)
    }
  })
})
