/** The store contract on a single server. */
import { startRedis } from '../fixture/redis-server.ts'
import { storeContract } from './store-contract.ts'

storeContract('a single server', async () => {
  const server = await startRedis()
  return { url: server.url, node: server.direct, stop: server.stop }
})
