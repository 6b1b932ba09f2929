/**
 * The parts a schedule breaks: a real Redis that writes through to its file, an issuer in this process, two introspection
 * nodes in processes of their own, and a proxy between each of them and Redis.
 *
 * `appendfsync always`, because only then an acknowledged write survives `kill -9` without exception: with `everysec` Redis
 * may put its write off while an fsync is under way.
 */
import { freePort, startRedis, type TestRedis } from '../fixture/redis-server.ts'
import type { TestClient } from '../fixture/requests.ts'
import { startServices, TEST_TOKEN_KEYS, type TestServices } from '../fixture/services.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { createFeedNode, type FeedNode } from './feed-node.ts'
import { createRandom } from './random.ts'

/** The resource all tokens are for. */
export const RESOURCE = 'https://grades.test'

/** Everything that is there before the first client. */
export interface Installation {
  readonly redis: TestRedis
  readonly services: TestServices
  readonly nodes: readonly [FeedNode, FeedNode]
  /** Before Redis: the issuer's, and the nodes'. */
  readonly redisLinks: readonly [issuer: FaultProxy, node0: FaultProxy, node1: FaultProxy]
  /** The resource server that all clients are. */
  readonly resourceServer: TestClient
  close(): Promise<void>
}

const PARTITIONS = 4
const COMMAND_TIMEOUT_MS = 400

/** Starts everything, whole and well. */
export async function startInstallation(): Promise<Installation> {
  const redis = await startRedis('--appendonly', 'yes', '--appendfsync', 'always')
  const link = (seed: number) => startFaultProxy([redis.port], createRandom(seed))
  const redisLinks = [await link(1), await link(2), await link(3)] as const
  const services = await startServices({
    redisUrl: redis.url,
    store: { partitions: PARTITIONS, commandTimeoutMs: COMMAND_TIMEOUT_MS },
    issuerStore: { url: urlOf(redisLinks[0]) },
  })
  const node = async (redisLink: FaultProxy): Promise<FeedNode> =>
    createFeedNode(await freePort(), {
      CLAIMCHECK_REDIS_URL: urlOf(redisLink),
      CLAIMCHECK_PARTITIONS: String(PARTITIONS),
      CLAIMCHECK_ISSUER: services.issuer,
      CLAIMCHECK_INTROSPECT_URL: services.introspect[0],
      CLAIMCHECK_TOKEN_KEYS: TEST_TOKEN_KEYS.map(
        ({ id, secret }) => `${id}.${secret.toString('base64url')}`,
      ).join(','),
    })
  const nodes = [await node(redisLinks[1]), await node(redisLinks[2])] as const
  await Promise.all(nodes.map(({ start }) => start()))
  const resourceServer = await services.register('grades-api', {
    introspect: true,
    resources: [RESOURCE],
  })
  return {
    redis,
    services,
    nodes,
    redisLinks,
    resourceServer,
    async close() {
      await Promise.all(nodes.map(({ kill }) => kill()))
      await services.close()
      await Promise.all(redisLinks.map((proxy) => proxy.close()))
      await redis.stop()
    },
  }
}

function urlOf({ port }: FaultProxy): string {
  return `redis://127.0.0.1:${port}`
}
