/** What a live access token takes of Redis, with everything that it brings: records, indexes and expiry. */
import { issueGrant, refreshed } from '../../test/redis/actions.ts'
import {
  APPLICATION,
  type Installation,
  RESOURCE,
  SCOPE,
  startBenchRedis,
  startInstallation,
} from '../harness/installation.ts'
import { type LoadedServer, startLoader } from '../harness/load.ts'
import { type Bench, inScope, type Measure } from '../harness/measure.ts'
import { startPeer } from '../harness/peers.ts'
import { type Keyspace, readKeyspace } from '../harness/redis-work.ts'
import { issues } from '../harness/requests.ts'
import { figureOf } from '../report/figure.ts'
import type { Finding, Row } from '../report/finding.ts'

/** The measure. */
export const memory: Measure = { name: 'memory', title: 'Memory of a token in Redis', run }

/** Three quarters of a power of two, nearly: the tables of Redis then cost a key what they cost on average. */
const TOKENS = { quick: 3_000, full: 24_000 }
const TOKENS_A_GRANT = 10
const GRANTS_AT_ONCE = 64
/** Before the first reading: scripts, connections and the first of each index are there. */
const WARM_UP = 64
const LONGEST_SECONDS = 60

async function run(bench: Bench): Promise<Finding> {
  const { isQuick, step } = bench
  const count = TOKENS[isQuick ? 'quick' : 'full']
  step('tokens of grants')
  const ofTen = await inScope(bench, (scope) => costOfGrants(scope, count))
  step('client credentials')
  const ofOne = await inScope(bench, (scope) => costOfOurs(scope, count))
  step('client credentials at oidc-provider')
  const theirs = await inScope(bench, (scope) => costOfTheirs(scope, count))
  return {
    tables: [
      {
        title: 'One access token',
        columns: ['bytes', 'keys'],
        rows: [
          rowOf('ten a grant; each grant with its own subject and session', ofTen),
          rowOf('its own grant: by client credentials', ofOne),
          rowOf('of oidc-provider, by client credentials', theirs),
        ],
      },
    ],
    notes: [
      `Growth of used_memory over ${count.toLocaleString('en')} tokens on their own Redis, divided by them. Between runs the figures differ by a few percent (buffers of connections), and a token costs about 10 bytes more just after the tables of Redis have grown.`,
      'Not counted is what ages out by itself: the log of changes (10 minutes after the last one) and the answer to a retried refresh (10 seconds).',
      'Tokens by client credentials come from POST /token, live for an hour and belong to one client. Claimcheck stores the SHA-256 of a token, an index of what a subject holds, and what every revocation needs. oidc-provider stores the token itself as the key, JSON, and no index of the tokens of a client.',
    ],
    reached: {
      memoryOfTen: ofTen.bytes,
      memoryOfOne: ofOne.bytes,
      memoryBesideOidcProvider: ofOne.bytes / theirs.bytes,
    },
  }
}

function rowOf(name: string, { bytes, keys }: Keyspace): Row {
  return { name, cells: [figureOf([bytes]), figureOf([keys])] }
}

async function costOfGrants(bench: Bench, count: number): Promise<Keyspace> {
  const ours = await startInstallation(bench, { withIntrospect: false })
  await issueGrants(ours, 1, 'first')
  const before = await readKeyspace(ours.redis.direct)
  await issueGrants(ours, count / TOKENS_A_GRANT, 'user')
  return share(before, await readKeyspace(ours.redis.direct), count)
}

async function issueGrants({ store }: Installation, count: number, name: string): Promise<void> {
  const request = { clientId: APPLICATION, session: 'new', scope: SCOPE, aud: [RESOURCE] } as const
  let left = count
  const issuer = async (): Promise<void> => {
    while (left > 0) {
      const sub = `${name}-${String(left--).padStart(8, '0')}`
      let { refreshToken } = await issueGrant(store, { ...request, sub })
      for (let more = 1; more < TOKENS_A_GRANT; more++) {
        ;({ refreshToken } = await refreshed(store, refreshToken, APPLICATION))
      }
    }
  }
  await Promise.all(Array.from({ length: GRANTS_AT_ONCE }, issuer))
}

async function costOfOurs(bench: Bench, count: number): Promise<Keyspace> {
  const ours = await startInstallation(bench, { withIntrospect: false, withIssuer: true })
  return costOverHttp(bench, ours, ours, ours.issuer, count)
}

async function costOfTheirs(bench: Bench, count: number): Promise<Keyspace> {
  const theirs = await startBenchRedis(bench)
  const application = { client_id: APPLICATION, client_secret: 'secret-of-the-bench' }
  const { client_id, client_secret } = application
  const { url } = theirs.redis
  const server = await startPeer(bench, 'oidc-provider', url, client_id, client_secret)
  return costOverHttp(bench, theirs, { application }, server, count)
}

async function costOverHttp(
  bench: Bench,
  { redis, redisPid }: Pick<Installation, 'redis' | 'redisPid'>,
  caller: Pick<Installation, 'application'>,
  server: LoadedServer,
  count: number,
): Promise<Keyspace> {
  const loader = startLoader(bench, redisPid)
  const issue = (count: number) =>
    loader.load(server, { ...issues(caller), count, seconds: LONGEST_SECONDS })
  await issue(WARM_UP)
  const before = await readKeyspace(redis.direct)
  const { answered } = await issue(count)
  return share(before, await readKeyspace(redis.direct), answered)
}

/** What of the growth belongs to one of so many. */
function share(before: Keyspace, after: Keyspace, count: number): Keyspace {
  return {
    bytes: (after.bytes - before.bytes) / count,
    keys: (after.keys - before.keys) / count,
  }
}
