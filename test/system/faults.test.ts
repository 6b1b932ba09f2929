/**
 * Redis fails in many ways. Each route of both services then says 503 within the time a command may take, never that a token
 * is inactive and never 500; and everything works again by itself once Redis does.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../fixture/redis-server.ts'
import { fetchToken, introspectText } from '../fixture/requests.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { INACTIVE, startWorld, type World } from '../fixture/world.ts'
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

const COMMAND_TIMEOUT_MS = 2_000
/** What a busy machine of two cores may add. */
const SLACK_MS = 3_000
/** How soon after Redis all is well again. */
const RECOVERY_MS = 15_000

describe('a failing Redis', () => {
  let world: World
  let subject: RouteSubject

  beforeAll(async () => {
    world = await startWorld({
      redis: ['--appendonly', 'yes'],
      store: { commandTimeoutMs: COMMAND_TIMEOUT_MS },
    })
    await world.register('spare')
  })

  beforeEach(async () => {
    subject = { ...world, issued: await world.login('alice') }
  })

  afterAll(() => world.close())

  const nodes = () => [world.issuer, ...world.introspect]
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

  /** Everything works again without a restart of the services, and nothing issued before is lost. */
  async function expectRecovery(): Promise<void> {
    const isReady = async () => (await statuses('/readyz')).every((status) => status === 200)
    await waitFor(isReady, RECOVERY_MS)
    for (const node of world.introspect) {
      expect(await introspectText(node, world.grades, subject.issued.access_token)).not.toBe(
        INACTIVE,
      )
    }
    const adding = await sendAll(addingRoutes(subject))
    expect(wrongly(adding, (answer) => answer.status < 300)).toEqual([])
    const reading = await sendAll([...readingRoutes(subject), ...adminReadingRoutes(subject)])
    expect(wrongly(reading, (answer) => answer.status === 200)).toEqual([])
    expect(world.logs.filter((line) => line.includes('"level":50'))).toEqual([])
  }

  it('that is killed and started again', async () => {
    await world.redis.kill()
    await expectOutage()
    expect(await statuses('/readyz')).toEqual([503, 503, 503])
    await world.redis.start()
    await expectRecovery()
  })

  it('that hangs', async () => {
    world.redis.pause()
    await expectOutage()
    expect(await statuses('/readyz')).toEqual([503, 503, 503])
    world.redis.resume()
    await expectRecovery()
  })

  it('that is still loading', async () => {
    await world.redis.compact()
    await world.redis.kill()
    await world.redis.startLoading()
    await expectOutage()
    expect(await statuses('/readyz')).toEqual([503, 503, 503])
    await world.redis.finishLoading()
    await expectRecovery()
  })

  it('that became a replica of a server that is away', async () => {
    await world.redis.direct.replicaof('127.0.0.1', await freePort())
    const routes = allRoutes(subject).filter(({ name }) => !name.includes('junk'))
    await expectOutage(routes)
    await world.redis.direct.replicaof('NO', 'ONE')
    await expectRecovery()
  })

  it('that is full: introspection still answers and revocations still work', async () => {
    const { maxmemory } = memoryLimit(await world.redis.direct.config('GET', 'maxmemory'))
    await world.redis.direct.config('SET', 'maxmemory', '1000000', 'maxmemory-policy', 'noeviction')
    const reading = await sendAll([...readingRoutes(subject), ...adminReadingRoutes(subject)])
    expect(wrongly(reading, (answer) => answer.status === 200)).toEqual([])
    await expectOutage(issuingRoutes(subject))
    const registering = await sendAll(registeringRoutes(subject))
    expect(wrongly(registering, (answer) => answer.status < 300)).toEqual([])
    const other = await world.login('bob').catch(() => undefined)
    expect(other).toBeUndefined()

    const revoking = await sendAll(revokingRoutes(subject))
    expect(wrongly(revoking, (answer) => answer.status === 200)).toEqual([])
    for (const node of world.introspect) {
      expect(await introspectText(node, world.grades, subject.issued.access_token)).toBe(INACTIVE)
    }
    await world.redis.direct.config('SET', 'maxmemory', maxmemory)
    subject = { ...subject, issued: await world.login('alice') }
    await expectRecovery()
  })

  it('whose scripts are flushed at any time goes unnoticed', async () => {
    await world.redis.direct.script('FLUSH')
    const adding = await sendAll(addingRoutes(subject))
    expect(wrongly(adding, (answer) => answer.status < 300)).toEqual([])
    const flushing = { stop: false }
    const flushed = (async () => {
      while (!flushing.stop) await world.redis.direct.script('FLUSH')
    })()
    for (let round = 0; round < 5; round++) {
      const reading = await sendAll([...readingRoutes(subject), ...adminReadingRoutes(subject)])
      expect(wrongly(reading, (answer) => answer.status === 200)).toEqual([])
      await fetchToken(world.issuer, world.web)
    }
    flushing.stop = true
    await flushed
    const revoking = await sendAll(revokingRoutes(subject))
    expect(wrongly(revoking, (answer) => answer.status === 200)).toEqual([])
  })

  it('does not use up a refresh token that could not be answered', async () => {
    world.redis.pause()
    const lost = await world.refresh(world.web, subject.issued.refresh_token)
    expect(lost.status).toBe(503)
    world.redis.resume()
    await waitFor(async () => (await statuses('/readyz')).every((status) => status === 200))
    const retried = await world.refresh(world.web, subject.issued.refresh_token)
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
