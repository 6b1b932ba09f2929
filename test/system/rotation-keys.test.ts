/**
 * The token key is rotated while nodes run: the new key is added second, then mints, then the old one is retired. A node that
 * does not have a key yet says 503, never that a good token is inactive.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TokenKeySecret } from '../../store/mint/key-ring.ts'
import type { Login } from '../fixture/operator.ts'
import { introspectText, postForm } from '../fixture/requests.ts'
import { startServices, type TestServices } from '../fixture/services.ts'
import { INACTIVE, startWorld, type World } from '../fixture/world.ts'

const key = (id: string): TokenKeySecret => ({ id, secret: randomBytes(32) })

describe('a rotation of the token key', () => {
  const [old, next] = [key('k1'), key('k2')]
  let world: World
  /** Minted with the old key. */
  let first: Login
  /** Minted with the next key. */
  let second: Login
  const opened: TestServices[] = []

  beforeAll(async () => {
    world = await startWorld({ store: { tokenKeys: [old] } })
    first = await world.login('alice')
  })

  afterAll(() => world.close())

  /** An issuer with these keys, and two nodes with the same or others. */
  async function start(
    issuer: readonly TokenKeySecret[],
    nodes: readonly (readonly TokenKeySecret[])[] = [issuer, issuer],
  ): Promise<TestServices> {
    const [one, two] = nodes.map((tokenKeys) => ({ tokenKeys })) as [object, object]
    const services = await startServices({
      redisUrl: world.redis.url,
      issuerStore: { tokenKeys: issuer },
      introspectStores: [one, two],
    })
    world.onClose(services.close)
    opened.push(services)
    return services
  }

  const keyIdOf = (token: string) => token.slice('cc_at_'.length, 'cc_at_k1'.length)
  const introspect = (node: string, token: string) =>
    postForm(`${node}/introspect`, world.grades, { token })

  it('begins with a second key that verifies and does not mint', async () => {
    const services = await start([old, next])
    const issued = await services.login('alice')
    expect(keyIdOf(issued.access_token)).toBe('k1')
    for (const node of [...world.introspect, ...services.introspect]) {
      for (const { access_token } of [first, issued]) {
        expect(await introspectText(node, world.grades, access_token)).not.toBe(INACTIVE)
      }
    }
  })

  it('goes on with the new key minting, and nodes that are behind say 503 to its tokens', async () => {
    const services = await start([next, old], [[old, next], [old]])
    second = await services.login('alice')
    expect(keyIdOf(second.access_token)).toBe('k2')
    const [ahead, behind] = services.introspect
    expect(await introspectText(ahead, world.grades, second.access_token)).not.toBe(INACTIVE)
    expect(await introspectText(behind, world.grades, first.access_token)).not.toBe(INACTIVE)
    for (const node of [behind, ...world.introspect]) {
      const answer = await introspect(node, second.access_token)
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
    }
    const unknown = `cc_at_zz${second.access_token.slice('cc_at_k2'.length)}`
    expect(await introspectText(behind, world.grades, unknown)).toBe(INACTIVE)
  })

  it('lets an issuer that is behind neither revoke nor refresh what it cannot read', async () => {
    const { refresh_token: token } = second
    expect((await world.refresh(world.web, token)).status).toBe(503)
    expect((await postForm(`${world.issuer}/revoke`, world.web, { token })).status).toBe(503)
    const revoked = await world.callAdmin('POST', '/revocations', { token })
    expect(revoked.status).toBe(503)
  })

  it('refreshes over the change, and a retry at another issuer gets the same successor', async () => {
    const services = await start([next, old])
    const issued = await world.login('bob')
    const answers: Partial<Login>[] = []
    for (const issuer of [services, opened[0] as TestServices]) {
      const response = await issuer.refresh(world.web, issued.refresh_token)
      expect(response.status).toBe(200)
      answers.push((await response.json()) as Login)
    }
    expect(answers[0]?.access_token).toBe(answers[1]?.access_token)
    expect(answers[0]?.refresh_token).toBe(answers[1]?.refresh_token)
    expect(keyIdOf(answers[0]?.access_token as string)).toBe('k2')
  })

  it('is not undone by an issuer that starts again with the old key only', async () => {
    const restarted = await start([old], [[old], [old]]).catch(() => undefined)
    // Refusing to start is right too.
    const nodes = restarted?.introspect ?? world.introspect
    for (const node of nodes) {
      expect((await introspect(node, second.access_token)).status).toBe(503)
    }
  })

  it('ends with the old key retired: its tokens are inactive, those of the new one live', async () => {
    const services = await start([next])
    for (const node of services.introspect) {
      expect(await introspectText(node, world.grades, first.access_token)).toBe(INACTIVE)
      expect(await introspectText(node, world.grades, second.access_token)).not.toBe(INACTIVE)
    }
    const dead = await services.refresh(world.web, first.refresh_token)
    expect([dead.status, await dead.json()]).toMatchObject([400, { error: 'invalid_grant' }])
    expect((await services.refresh(world.web, second.refresh_token)).status).toBe(200)
  })
})
