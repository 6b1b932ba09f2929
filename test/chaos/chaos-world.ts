/**
 * The parts that a schedule breaks. This world differs from {@link startWorld}: its introspection nodes are processes, so that
 * they can be killed and frozen, and the issuer and each node reach Redis through a proxy.
 */

import { freePort, startRedis } from '../fixture/redis-server.ts'
import { TEST_TOKEN_KEYS } from '../fixture/services.ts'
import { extendWorld, startWorld, type World } from '../fixture/world.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { createFeedNode, type FeedNode } from './feed-node.ts'
import { createRandom } from './random.ts'

/** Everything but the clients. */
export interface ChaosWorld extends World {
  readonly nodes: readonly [FeedNode, FeedNode]
  /** The way to Redis of the issuer and of each node. */
  readonly redisLinks: readonly [issuer: FaultProxy, node0: FaultProxy, node1: FaultProxy]
}

const PARTITIONS = 4
const COMMAND_TIMEOUT_MS = 400

/** Starts everything, without a fault. */
export async function startChaosWorld(): Promise<ChaosWorld> {
  const redis = await startRedis('--appendonly', 'yes')
  const link = (seed: number) => startFaultProxy([redis.port], createRandom(seed))
  const redisLinks = [await link(1), await link(2), await link(3)] as const
  const stop = async () => {
    await Promise.all(redisLinks.map((proxy) => proxy.close()))
    await redis.stop()
  }
  const world = await startWorld({
    redis: { ...redis, stop },
    store: { partitions: PARTITIONS, commandTimeoutMs: COMMAND_TIMEOUT_MS },
    issuerStore: { url: urlOf(redisLinks[0]) },
  })
  return extendWorld(world, async () => {
    const node = async (redisLink: FaultProxy): Promise<FeedNode> =>
      createFeedNode(await freePort(), {
        CLAIMCHECK_REDIS_URL: urlOf(redisLink),
        CLAIMCHECK_PARTITIONS: String(PARTITIONS),
        CLAIMCHECK_ISSUER: world.issuer,
        CLAIMCHECK_INTROSPECT_URL: world.introspect[0],
        CLAIMCHECK_TOKEN_KEYS: TEST_TOKEN_KEYS.map(
          ({ id, secret }) => `${id}.${secret.toString('base64url')}`,
        ).join(','),
      })
    const nodes = [await node(redisLinks[1]), await node(redisLinks[2])] as const
    world.onClose(() => Promise.all(nodes.map(({ kill }) => kill())))
    await Promise.all(nodes.map(({ start }) => start()))
    return { nodes, redisLinks }
  })
}

function urlOf({ port }: FaultProxy): string {
  return `redis://127.0.0.1:${port}`
}
