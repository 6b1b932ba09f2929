/**
 * A primary that was made a replica still answers reads, but with the data of its new primary. So every route must say 503 and
 * the nodes must not be ready, although the server answers.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, startRedis, type TestRedis } from '../fixture/redis-server.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { startWorld, type World } from '../fixture/world.ts'
import { allRoutes, type RouteAnswer, type RouteSubject, sendAll } from './routes.ts'

describe('a demoted Redis', () => {
  let world: World
  /** A Redis without any data. */
  let stranger: TestRedis
  let subject: RouteSubject

  beforeAll(async () => {
    world = await startWorld()
    stranger = await startRedis('--repl-diskless-sync-delay', '0')
    world.onClose(stranger.stop)
    subject = { ...world, issued: await world.login('alice') }
  })

  afterAll(() => world.close())

  const readiness = () =>
    Promise.all(
      [world.issuer, ...world.introspect].map(
        async (node) => (await fetch(`${node}/readyz`)).status,
      ),
    )

  /** One route at a time, over established connections: a lost connection would be 503 for another reason. */
  async function answersOtherThan503(): Promise<readonly string[]> {
    const answers: RouteAnswer[] = []
    for (const route of allRoutes(subject)) {
      await waitFor(async () => {
        const clients = String(await world.redis.direct.client('LIST'))
        return (
          (clients.match(/name=claimcheck .* cmd=(?!client|hello|auth|.?subscribe)/g) ?? [])
            .length >= 3
        )
      })
      answers.push(...(await sendAll([route])))
    }
    return answers
      .filter(({ status }) => status !== 503)
      .map(({ name, status, body }) => `${name}: ${status} ${body.slice(0, 80)}`)
  }

  it('is not ready while its primary is away', async () => {
    await world.redis.direct.replicaof('127.0.0.1', await freePort())
    expect(await readiness()).toEqual([503, 503, 503])
    await world.redis.direct.replicaof('NO', 'ONE')
    await waitFor(async () => (await readiness()).every((status) => status === 200))
  })

  it('gives no answer about clients and grants that its new primary never had', async () => {
    await world.redis.direct.replicaof('127.0.0.1', stranger.port)
    await waitFor(async () => (await world.redis.direct.dbsize()) === 0)
    expect(await answersOtherThan503()).toEqual([])
    expect(await readiness()).toEqual([503, 503, 503])
  })
})
