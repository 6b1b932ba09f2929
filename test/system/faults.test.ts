/**
 * Redis fails in every way it can. Each route of both services says 503 within the time a command may take, never that
 * a token is inactive, never 500; and all of it works again by itself once Redis does.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freePort, startRedis, type TestRedis } from '../fixture/redis-server.ts'
import { fetchToken, introspectText } from '../fixture/requests.ts'
import { startServices, type TestServices } from '../fixture/services.ts'
import { waitFor } from '../fixture/wait-for.ts'
import {
  addingRoutes,
  adminReadingRoutes,
  allRoutes,
  issuingRoutes,
  type RouteAnswer,
  type RouteProbe,
  type RouteSubject,
  readingRoutes,
  registeringRoutes,
  revokingRoutes,
  sendAll,
} from './routes.ts'
import { INACTIVE, login, refresh, registerWorld, type World } from './world.ts'

const COMMAND_TIMEOUT_MS = 2_000
/** What a busy machine of two cores may add. */
const SLACK_MS = 3_000
/** How soon after Redis all is well again. */
const RECOVERY_MS = 15_000

describe('a failing Redis', () => {
  let redis: TestRedis
  let services: TestServices
  let world: World
  let subject: RouteSubject

  beforeAll(async () => {
    redis = await startRedis('--appendonly', 'yes', '--appendfsync', 'always')
    services = await startServices({
      redisUrl: redis.url,
      store: { commandTimeoutMs: COMMAND_TIMEOUT_MS },
    })
    world = await registerWorld(services)
    await services.register('spare')
  })

  beforeEach(async () => {
    subject = { ...world, services, issued: await login(services, 'alice') }
  })

  afterAll(async () => {
    await services.close()
    await redis.stop()
  })

  const nodes = () => [services.issuer, ...services.introspect]
  const statuses = (path: string) =>
    Promise.all(nodes().map(async (node) => (await fetch(node + path)).status))

  async function expectOutage(routes: readonly RouteProbe[] = allRoutes(subject)): Promise<void> {
    const answers = await sendAll(routes)
    expect(wrongly(answers, (answer) => answer.status === 503)).toEqual([])
    expect(wrongly(answers, (answer) => Number(answer.retryAfter) >= 1)).toEqual([])
    const limit = COMMAND_TIMEOUT_MS + SLACK_MS
    expect(wrongly(answers, (answer) => answer.durationMs < limit)).toEqual([])
    expect(await statuses('/healthz')).toEqual([200, 200, 200])
  }

  /** All is well again, with nobody restarted: nothing issued before is lost, and everything can be done. */
  async function expectRecovery(): Promise<void> {
    const isReady = async () => (await statuses('/readyz')).every((status) => status === 200)
    await waitFor(isReady, RECOVERY_MS)
    for (const node of services.introspect) {
      expect(await introspectText(node, world.grades, subject.issued.access_token)).not.toBe(
        INACTIVE,
      )
    }
    const adding = await sendAll(addingRoutes(subject))
    expect(wrongly(adding, (answer) => answer.status < 300)).toEqual([])
    const reading = await sendAll([...readingRoutes(subject), ...adminReadingRoutes(subject)])
    expect(wrongly(reading, (answer) => answer.status === 200)).toEqual([])
    expect(services.logs.filter((line) => line.includes('"level":50'))).toEqual([])
  }

  it('that is killed and started again', async () => {
    await redis.kill()
    await expectOutage()
    expect(await statuses('/readyz')).toEqual([503, 503, 503])
    await redis.start()
    await expectRecovery()
  })

  it('that hangs', async () => {
    redis.pause()
    await expectOutage()
    expect(await statuses('/readyz')).toEqual([503, 503, 503])
    redis.resume()
    await expectRecovery()
  })

  it('that is still loading', async () => {
    await redis.compact()
    await redis.kill()
    await redis.startLoading()
    await expectOutage()
    expect(await statuses('/readyz')).toEqual([503, 503, 503])
    await redis.finishLoading()
    await expectRecovery()
  })

  it('that became a replica of a server that is away', async () => {
    await redis.direct.replicaof('127.0.0.1', await freePort())
    const routes = allRoutes(subject).filter(({ name }) => !name.includes('junk'))
    await expectOutage(routes)
    await redis.direct.replicaof('NO', 'ONE')
    await expectRecovery()
  })

  it('that is full: what is true is still told, and what must stop is stopped', async () => {
    const { maxmemory } = memoryLimit(await redis.direct.config('GET', 'maxmemory'))
    await redis.direct.config('SET', 'maxmemory', '1000000', 'maxmemory-policy', 'noeviction')
    const reading = await sendAll([...readingRoutes(subject), ...adminReadingRoutes(subject)])
    expect(wrongly(reading, (answer) => answer.status === 200)).toEqual([])
    await expectOutage(issuingRoutes(subject))
    const registering = await sendAll(registeringRoutes(subject))
    expect(wrongly(registering, (answer) => answer.status < 300)).toEqual([])
    const other = await login(services, 'bob').catch(() => undefined)
    expect(other).toBeUndefined()

    const revoking = await sendAll(revokingRoutes(subject))
    expect(wrongly(revoking, (answer) => answer.status === 200)).toEqual([])
    for (const node of services.introspect) {
      expect(await introspectText(node, world.grades, subject.issued.access_token)).toBe(INACTIVE)
    }
    await redis.direct.config('SET', 'maxmemory', maxmemory)
    subject = { ...subject, issued: await login(services, 'alice') }
    await expectRecovery()
  })

  it('whose scripts are flushed at any time goes unnoticed', async () => {
    await redis.direct.script('FLUSH')
    const adding = await sendAll(addingRoutes(subject))
    expect(wrongly(adding, (answer) => answer.status < 300)).toEqual([])
    const flushing = { stop: false }
    const flushed = (async () => {
      while (!flushing.stop) await redis.direct.script('FLUSH')
    })()
    for (let round = 0; round < 5; round++) {
      const reading = await sendAll([...readingRoutes(subject), ...adminReadingRoutes(subject)])
      expect(wrongly(reading, (answer) => answer.status === 200)).toEqual([])
      await fetchToken(services.issuer, world.web)
    }
    flushing.stop = true
    await flushed
    const revoking = await sendAll(revokingRoutes(subject))
    expect(wrongly(revoking, (answer) => answer.status === 200)).toEqual([])
  })

  it('does not use up a refresh token that could not be answered', async () => {
    redis.pause()
    const lost = await refresh(services, world.web, subject.issued.refresh_token)
    expect(lost.status).toBe(503)
    redis.resume()
    await waitFor(async () => (await statuses('/readyz')).every((status) => status === 200))
    const retried = await refresh(services, world.web, subject.issued.refresh_token)
    expect(retried.status).toBe(200)
  })
})

function wrongly(answers: readonly RouteAnswer[], isRight: (answer: RouteAnswer) => boolean) {
  return answers.filter((answer) => !isRight(answer))
}

function memoryLimit(reply: unknown): { readonly maxmemory: string } {
  const [, maxmemory = '0'] = reply as string[]
  return { maxmemory }
}
