/**
 * A store under test together with what is needed to look behind it: a raw connection, a runner
 * of scripts on it, the keys, and one plain connection to a server for channels. The same on one server and on a Cluster.
 */
import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { createKeys, type Keys } from '../../store/keys.ts'
import { createTokenKeyRing, type TokenKeySecret } from '../../store/mint/key-ring.ts'
import { createTokenMint, type TokenMint } from '../../store/mint/token.ts'
import { createPartitions, type Partitions } from '../../store/partitions.ts'
import { connectRedis, type RedisConnection } from '../../store/redis/connection.ts'
import { createScriptRunner, type RunScript } from '../../store/redis/script-runner.ts'
import { openStore, type Store, type StoreOptions } from '../../store/store.ts'

/** A topology to run on. */
export interface RedisUnderTest {
  readonly url: string
  /** A plain connection to one of the servers. */
  readonly node: Redis
  stop(): Promise<void>
}

/** An installation and its innards. */
export interface Installation {
  readonly store: Store
  readonly redis: RedisConnection
  readonly run: RunScript
  readonly keys: Keys
  readonly partitions: Partitions
  readonly mint: TokenMint
  readonly tokenKeys: readonly TokenKeySecret[]
  /** A plain connection to one of the servers. */
  readonly node: Redis
  /** One more process of the same installation. */
  open(overrides?: Partial<StoreOptions>): Promise<Store>
  close(): Promise<void>
}

/** The issuer's own resource, registered by nobody. */
export const SELF = 'https://issuer.test'

/** Longer than the default, so that a busy machine does not look like an outage. */
const COMMAND_TIMEOUT_MS = 10_000

/** Opens an installation on an empty Redis. */
export async function openInstallation(
  { url, node }: Pick<RedisUnderTest, 'url' | 'node'>,
  overrides: Partial<StoreOptions> = {},
): Promise<Installation> {
  const tokenKeys = [{ id: 'k1', secret: randomBytes(32) }]
  const options: StoreOptions = {
    url,
    commandTimeoutMs: COMMAND_TIMEOUT_MS,
    prefix: 'cc',
    partitions: 8,
    tokenKeys,
    mints: true,
    selfResources: [SELF],
    ...overrides,
  }
  const stores: Store[] = []
  const open = async (more: Partial<StoreOptions> = {}): Promise<Store> => {
    const store = await openStore({ ...options, ...more })
    stores.push(store)
    return store
  }
  const store = await open()
  const redis = await connectRedis({ url, commandTimeoutMs: COMMAND_TIMEOUT_MS })
  const partitions = createPartitions(options.partitions)
  return {
    store,
    tokenKeys: options.tokenKeys,
    redis,
    run: createScriptRunner(redis),
    keys: createKeys(options.prefix, partitions),
    partitions,
    mint: createTokenMint(createTokenKeyRing(options.tokenKeys), partitions),
    node,
    open,
    async close() {
      redis.disconnect()
      await Promise.all(stores.map((opened) => opened.close()))
    },
  }
}
