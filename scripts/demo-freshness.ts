// `npm run demo:freshness`: what the cache promises, measured on this machine. Issuer and introspection run in this
// process on a Redis of their own; fleets of clients run in another.

import type { AddressInfo } from 'node:net'

import { WebSocketServer } from 'ws'
import type { TestClient, TestServices } from '../test/services.ts'
import type { Login } from '../test/system/world.ts'
import { type Fleet, startFleet } from './demo-freshness/client-fleet.ts'
import { DISTRIBUTION_HEAD, distributionLine, machineMs } from './demo-freshness/distribution.ts'
import { peekNanoseconds, verifyNanoseconds } from './demo-freshness/verification-cost.ts'
import { redisServerBinary } from './redis-binary.ts'

const RESOURCE = 'https://grades.test'
const APPLICATION = 'web-app'
const SMALL = { clients: 10, revocations: 1_000 }
/** Takes about two minutes: each revoked token has to be in a thousand caches first. */
const LARGE = { clients: 1_000, revocations: 1_000 }
const SEED = 1
/** As long as the frame that tells of a revoked token. */
const BARE_TEXT = Buffer.alloc(130, 'x')

// Read when the module is loaded, hence before it is.
process.env.CLAIMCHECK_TEST_REDIS_SERVER = await redisServerBinary()
const { startRedis } = await import('../test/redis-server.ts')
const { startServices } = await import('../test/services.ts')
const { startChaosClient } = await import('../test/chaos/chaos-client.ts')
const { createRandom } = await import('../test/chaos/random.ts')
const { waitFor } = await import('../test/wait-for.ts')

interface Place {
  readonly services: TestServices
  readonly resourceServer: TestClient
}

async function login({ services }: Place, n: number): Promise<Login & { sub: string }> {
  const sub = `user-${n}-${crypto.randomUUID()}`
  const response = await services.callAdmin('POST', '/tokens', { sub, client_id: APPLICATION })
  if (!response.ok) throw new Error(`/tokens answered ${response.status}`)
  return { ...((await response.json()) as Login), sub }
}

/** A revocation of each level that leaves the other tokens of the demo alone. */
function revocationOf(
  { access_token, grant_id, sid, sub }: Login & { sub: string },
  n: number,
): object {
  const levels = [
    { token: access_token },
    { grant: grant_id },
    { session: sid },
    { subject: sub },
    { subject: sub, client: APPLICATION },
  ]
  return levels[n % levels.length] as object
}

/** First call live, next from the cache; feed cut; everything cut. */
async function showCuts(place: Place): Promise<void> {
  const { services } = place
  const nodes = [{ port: Number(new URL(services.introspect[0]).port) }]
  const member = await startChaosClient('', { ...place, nodes }, createRandom(SEED))
  const { client, boundMs, feed, http } = member
  const { access_token: token } = await login(place, 0)
  const decide = async (): Promise<string> => {
    const decision = await client.authorize(token, {})
    return decision.ok ? decision.source : String(decision.status)
  }
  try {
    await waitFor(() => client.health().state === 'fresh')
    console.log(`\nOne client, staleness bound ${boundMs} ms`)
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

/** A server that does nothing but send to all. */
async function startBare() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  await new Promise((listening) => server.once('listening', listening))
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    broadcast() {
      for (const socket of server.clients) {
        socket.send(BARE_TEXT, { binary: false, compress: false })
      }
    },
    close: () => server.close(),
  }
}

async function showRevocations(place: Place, size: typeof SMALL): Promise<void> {
  const { services, resourceServer } = place
  const bare = await startBare()
  const startedAt = performance.now()
  const fleet = await startFleet({
    size: size.clients,
    issuer: services.issuer,
    clientId: resourceServer.client_id,
    clientSecret: resourceServer.client_secret,
    bareUrl: bare.url,
  })
  const logins: (Login & { sub: string })[] = []
  for (let n = 0; n < size.revocations; n++) logins.push(await login(place, n))
  await fleet.warm(logins.map(({ access_token }) => access_token))
  const readyAt = performance.now()
  const refused: number[] = []
  const returned: number[] = []
  const broadcast: number[] = []
  const written: number[] = []
  const send = (): void => {
    const startedAt = performance.now()
    bare.broadcast()
    written.push(performance.now() - startedAt)
  }
  const before = await broadcastMetric(place)
  for (const [n, member] of logins.entries()) {
    broadcast.push(await timeBroadcast(fleet, send))
    const times = await timeRevocation(place, fleet, member, n)
    refused.push(times.refused)
    returned.push(times.returned)
  }
  const after = await broadcastMetric(place)
  await fleet.close()
  bare.close()
  const preparedS = ((readyAt - startedAt) / 1_000).toFixed(0)
  console.log(
    `\n${size.revocations} revocations of five levels, ${size.clients} clients (prepared in ${preparedS} s)`,
  )
  console.log(DISTRIBUTION_HEAD)
  console.log(distributionLine('bare ws broadcast, until the last socket has it', broadcast))
  console.log(distributionLine('revocation, until the call has returned', returned))
  console.log(distributionLine('revocation, until the slowest client refuses', refused))
  const feedMs = (1_000 * (after.seconds - before.seconds)) / (after.count - before.count)
  const bareMs = written.reduce((sum, ms) => sum + ms, 0) / written.length
  console.log(
    `  of it at the feed node, from the change's arrival to the last write: ${feedMs.toFixed(2)} ms on average (bare: ${bareMs.toFixed(2)} ms)`,
  )
}

/** Sum and count of what the node says it took from the arrival of a change to its writing to the last socket. */
async function broadcastMetric({ services }: Place): Promise<{ seconds: number; count: number }> {
  const text = await (await fetch(`${services.introspect[0]}/metrics`)).text()
  const read = (name: string): number =>
    Number(
      new RegExp(`^claimcheck_feed_broadcast_seconds_${name}(?:\\{.*\\})? (.+)$`, 'm').exec(
        text,
      )?.[1],
    )
  return { seconds: read('sum'), count: read('count') }
}

async function timeBroadcast(fleet: Fleet, send: () => void): Promise<number> {
  const { gone } = await fleet.watchBare()
  const startedAt = machineMs()
  send()
  return (await gone) - startedAt
}

async function timeRevocation(
  { services }: Place,
  fleet: Fleet,
  member: Login & { sub: string },
  n: number,
) {
  const { gone } = await fleet.watchToken(member.access_token)
  const startedAt = machineMs()
  const response = await services.callAdmin('POST', '/revocations', revocationOf(member, n))
  const returnedAt = machineMs()
  if (!response.ok) throw new Error(`/revocations answered ${response.status}`)
  await response.body?.cancel()
  const goneAt = await gone
  const status = await fleet.statusOf(member.access_token)
  if (status !== 401) throw new Error(`a revoked token was answered ${status}`)
  return { refused: goneAt - startedAt, returned: returnedAt - startedAt }
}

async function showCosts(): Promise<void> {
  const { entries, ns } = await peekNanoseconds()
  console.log('\nOne check, nanoseconds')
  const line = (what: string, cost: number): void =>
    console.log(`  ${what.padEnd(52)}${Math.round(cost).toLocaleString('en').padStart(9)}`)
  line(`peek, ${entries.toLocaleString('en')} entries`, ns)
  line('jose jwtVerify ES256', await verifyNanoseconds('ES256'))
  line('jose jwtVerify RS256', await verifyNanoseconds('RS256'))
}

const redis = await startRedis('--appendonly', 'yes')
const services = await startServices({ redisUrl: redis.url })
try {
  const resourceServer = await services.register('grades-api', {
    introspect: true,
    resources: [RESOURCE],
  })
  await services.register(APPLICATION, { default_resources: [RESOURCE] })
  const place = { services, resourceServer }
  await showCuts(place)
  await showRevocations(place, SMALL)
  await showRevocations(place, LARGE)
  await showCosts()
} finally {
  await services.close()
  await redis.stop()
}
process.exit()
