/** Acknowledged writes survive `kill -9` of Redis: at both nodes, issued tokens stay active and revocations hold. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Login } from '../fixture/operator.ts'
import { activeTokens, introspectText, postForm } from '../fixture/requests.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { INACTIVE, startWorld, type World } from '../fixture/world.ts'

const LOGINS = 240
const WORKERS = 6
const ROUNDS = 3

describe('an acknowledgement', () => {
  let world: World

  beforeAll(async () => {
    world = await startWorld({ redis: ['--appendonly', 'yes'] })
  })

  afterAll(() => world.close())

  const revoke = (target: object) => world.callAdmin('POST', '/revocations', target)
  const ways: readonly ((issued: Login, sub: string) => Promise<Response>)[] = [
    ({ access_token }) => revoke({ token: access_token }),
    ({ grant_id }) => revoke({ grant: grant_id }),
    ({ sid }) => revoke({ session: sid }),
    (_, sub) => revoke({ subject: sub }),
    (_, sub) => revoke({ subject: sub, client: 'web-app' }),
    (_, sub) =>
      world.callAdmin('PUT', `/subjects/${encodeURIComponent(sub)}`, { status: 'suspended' }),
    ({ access_token: token }) => postForm(`${world.issuer}/revoke`, world.web, { token }),
    ({ refresh_token: token }) => postForm(`${world.issuer}/revoke`, world.web, { token }),
  ]

  const activeEverywhere = async (tokens: readonly string[]) => {
    const [here, there] = await Promise.all(
      world.introspect.map((node) => activeTokens(node, world.grades, tokens)),
    )
    expect(here).toEqual(there)
    return here as readonly string[]
  }

  async function round(name: string): Promise<void> {
    const subjects = Array.from({ length: LOGINS }, (_, n) => `${name}-${n}`)
    const logins = new Map<string, Login>()
    // The issuer may be the last to find the server that came back in the round before.
    await waitFor(async () => (await fetch(`${world.issuer}/readyz`)).ok)
    for (const sub of subjects) logins.set(sub, await world.login(sub))
    const acknowledged: string[] = []
    const attempted = new Set<string>()
    const queue = subjects.filter((_, n) => n % 6 !== 0)
    let killed: Promise<void> | undefined

    async function work(): Promise<void> {
      for (let sub = queue.pop(); sub !== undefined; sub = queue.pop()) {
        const issued = logins.get(sub) as Login
        attempted.add(issued.access_token)
        const way = ways[queue.length % ways.length] as (typeof ways)[number]
        const response = await way(issued, sub)
        expect([200, 503]).toContain(response.status)
        if (response.status === 200) acknowledged.push(issued.access_token)
        // The others are in the middle of theirs.
        if (acknowledged.length === LOGINS / 3) killed ??= world.redis.kill()
      }
    }
    await Promise.all(Array.from({ length: WORKERS }, work))
    await killed
    expect(acknowledged.length).toBeLessThan(attempted.size)

    const watching = watch(acknowledged[0] as string)
    await world.redis.start()
    const active = await waitFor(() => activeEverywhere([...logins.values()].map(accessTokenOf)))
    const isActive = new Set(active)
    expect(acknowledged.filter((token) => isActive.has(token))).toEqual([])
    const untouched = [...logins.values()]
      .map(accessTokenOf)
      .filter((token) => !attempted.has(token))
    expect(untouched.filter((token) => !isActive.has(token))).toEqual([])
    expect(await watching.stop()).toEqual([INACTIVE])
  }

  /** Keeps asking for one revoked token while Redis comes back, and collects the different answers. */
  function watch(token: string) {
    const answers = new Set<string>()
    let isStopped = false
    const watching = Promise.all(
      world.introspect.map(async (node) => {
        while (!isStopped || answers.size === 0) {
          const answer = await introspectText(node, world.grades, token).catch(() => undefined)
          if (answer !== undefined) answers.add(answer)
        }
      }),
    )
    return {
      async stop() {
        isStopped = true
        await watching
        return [...answers]
      },
    }
  }

  for (let n = 1; n <= ROUNDS; n++) {
    it(`holds when Redis is killed in the middle of revocations, time ${n}`, () => round(`r${n}`))
  }
})

function accessTokenOf(issued: Login): string {
  return issued.access_token
}
