/** {@link startWorld} with a proxy between the issuer and Redis, so that a test can cut the issuer off amid a write. */

import type { StoreOptions } from '../../store/store.ts'
import { startRedis } from '../fixture/redis-server.ts'
import { startWorld, type World } from '../fixture/world.ts'
import { type RedisProxy, startRedisProxy } from './redis-proxy.ts'

export interface ProxiedWorld extends World {
  readonly proxy: RedisProxy
}

export async function startProxiedWorld(
  issuerStore: Partial<StoreOptions> = {},
): Promise<ProxiedWorld> {
  const redis = await startRedis()
  const proxy = await startRedisProxy(redis.port)
  const stop = async () => {
    await proxy.close()
    await redis.stop()
  }
  const world = await startWorld({
    redis: { ...redis, stop },
    issuerStore: { url: proxy.url, ...issuerStore },
  })
  return { ...world, proxy }
}
