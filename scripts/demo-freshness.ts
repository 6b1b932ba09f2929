// `npm run demo:freshness`: shows what a client decides while its feed, and then everything, is cut off. Issuer and
// introspection run in this process, on a private Redis. `npm run bench` measures how fast a revocation spreads.

import type { TestClient } from '../test/fixture/requests.ts'
import type { TestServices } from '../test/fixture/services.ts'
import { redisServerBinary } from './redis-binary.ts'

const RESOURCE = 'https://grades.test'
const APPLICATION = 'web-app'
const SEED = 1

// The module reads this when it is loaded.
process.env.CLAIMCHECK_TEST_REDIS_SERVER = await redisServerBinary()
const { startRedis } = await import('../test/fixture/redis-server.ts')
const { startServices } = await import('../test/fixture/services.ts')
const { startChaosClient } = await import('../test/chaos/chaos-client.ts')
const { createRandom } = await import('../test/chaos/random.ts')
const { waitFor } = await import('../test/fixture/wait-for.ts')

interface Place {
  readonly services: TestServices
  readonly resourceServer: TestClient
}

async function login({ services }: Place, sub: string): Promise<string> {
  const response = await services.callAdmin('POST', '/tokens', { sub, client_id: APPLICATION })
  if (!response.ok) throw new Error(`/tokens answered ${response.status}`)
  return ((await response.json()) as { access_token: string }).access_token
}

/** First call live, next from the cache; feed cut; everything cut. */
async function showCuts(place: Place): Promise<void> {
  const { services } = place
  const nodes = [{ port: Number(new URL(services.introspect[0]).port) }]
  const member = await startChaosClient('', { ...place, nodes }, createRandom(SEED))
  const { client, boundMs, feed, http } = member
  const token = await login(place, 'alice')
  const decide = async (): Promise<string> => {
    const decision = await client.authorize(token, {})
    return decision.ok ? decision.source : String(decision.status)
  }
  try {
    await waitFor(() => client.health().state === 'fresh')
    console.log(`One client, staleness bound ${boundMs} ms`)
    const [first, second] = [await decide(), await decide()]
    console.log(`  first call ${first}, next ${second}`)
    const cut = performance.now()
    feed.refuse()
    feed.cut()
    await waitFor(async () => (await decide()) === 'live')
    console.log(`  feed cut: ${(performance.now() - cut).toFixed(0)} ms later decisions are live`)
    feed.heal()
    await waitFor(async () => client.health().state === 'fresh' && (await decide()) === 'cache')
    console.log('  feed back: from the cache again')
    const allCut = performance.now()
    let lastAccepted = allCut
    for (const link of [feed, http]) {
      link.refuse()
      link.cut()
    }
    await waitFor(async () => {
      const startedAt = performance.now()
      const outcome = await decide()
      if (outcome === 'cache') lastAccepted = startedAt
      return outcome === '503'
    })
    const [last, first503] = [lastAccepted, performance.now()].map((at) => (at - allCut).toFixed(0))
    console.log(
      `  everything cut: last accepted ${last} ms later, first 503 after ${first503} ms, no 401`,
    )
  } finally {
    await member.close()
  }
}

const redis = await startRedis('--appendonly', 'yes')
const services = await startServices({ redisUrl: redis.url })
try {
  const resourceServer = await services.register('grades-api', {
    introspect: true,
    resources: [RESOURCE],
  })
  await services.register(APPLICATION, { default_resources: [RESOURCE] })
  await showCuts({ services, resourceServer })
} finally {
  await services.close()
  await redis.stop()
}
process.exit()
