/**
 * A store under test together with what is needed to look behind it: a raw connection on which the scripts are
 * defined, the keys, and one plain connection to a server for channels. The same on one server and on a Cluster.
 */
import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { connectRedis, type RedisConnection } from '../../store/connection.ts'
import { createKeys, type Keys } from '../../store/keys.ts'
import { createPartitions, type Partitions } from '../../store/partitions.ts'
import { createScriptRunner, type RunScript } from '../../store/script-runner.ts'
import { openStore, type Store, type StoreOptions } from '../../store/store.ts'
import { createTokenMint, type TokenMint } from '../../store/token.ts'
import { createTokenKeyRing } from '../../store/token-keys.ts'

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
  /** A plain connection to one of the servers. */
  readonly node: Redis
  /** One more process of the same installation. */
  open(overrides?: Partial<StoreOptions>): Promise<Store>
  close(): Promise<void>
}

/** The issuer's own resource, registered by nobody. */
export const SELF = 'https://issuer.test'

/** Opens an installation on an empty Redis. */
export async function openInstallation(
  { url, node }: Pick<RedisUnderTest, 'url' | 'node'>,
  overrides: Partial<StoreOptions> = {},
): Promise<Installation> {
  const tokenKeys = [{ id: 'k1', secret: randomBytes(32) }]
  const base = { url, prefix: 'cc', partitions: 8, tokenKeys, mints: true, selfResources: [SELF] }
  const options: StoreOptions = { ...base, ...overrides }
  const stores: Store[] = []
  const open = async (more: Partial<StoreOptions> = {}): Promise<Store> => {
    const store = await openStore({ ...options, ...more })
    stores.push(store)
    return store
  }
  const store = await open()
  const redis = await connectRedis({ url })
  const partitions = createPartitions(options.partitions)
  return {
    store,
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
