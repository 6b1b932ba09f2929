/**
 * A primary that was made a replica still answers reads, with whatever its new primary has. None of that is the truth:
 * every route says 503 and the nodes are not ready, although the server is there and talks.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, startRedis, type TestRedis } from '../fixture/redis-server.ts'
import { startServices, type TestServices } from '../fixture/services.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { allRoutes, type RouteAnswer, type RouteSubject, sendAll } from './routes.ts'
import { login, registerWorld } from './world.ts'

describe('a demoted Redis', () => {
  let redis: TestRedis
  /** Another installation, with nothing in it. */
  let stranger: TestRedis
  let services: TestServices
  let subject: RouteSubject

  beforeAll(async () => {
    redis = await startRedis()
    stranger = await startRedis('--repl-diskless-sync-delay', '0')
    services = await startServices({ redisUrl: redis.url })
    const world = await registerWorld(services)
    subject = { ...world, services, issued: await login(services, 'alice') }
  })

  afterAll(async () => {
    await services.close()
    await Promise.all([redis.stop(), stranger.stop()])
  })

  const readiness = () =>
    Promise.all(
      [services.issuer, ...services.introspect].map(
        async (node) => (await fetch(`${node}/readyz`)).status,
      ),
    )

  /** One route at a time, over whole connections: an outage of the connection would hide what is asked here. */
  async function answersOtherThan503(): Promise<readonly string[]> {
    const answers: RouteAnswer[] = []
    for (const route of allRoutes(subject)) {
      await waitFor(async () => {
        const clients = String(await redis.direct.client('LIST'))
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

  it('is not called ready while its own primary is away', async () => {
    await redis.direct.replicaof('127.0.0.1', await freePort())
    expect(await readiness()).toEqual([503, 503, 503])
    await redis.direct.replicaof('NO', 'ONE')
    await waitFor(async () => (await readiness()).every((status) => status === 200))
  })

  it('is not believed about clients and grants that its new primary never had', async () => {
    await redis.direct.replicaof('127.0.0.1', stranger.port)
    await waitFor(async () => (await redis.direct.dbsize()) === 0)
    expect(await answersOtherThan503()).toEqual([])
    expect(await readiness()).toEqual([503, 503, 503])
  })
})
