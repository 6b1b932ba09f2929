/** A private Redis Cluster of three local servers without replicas, stopped with the test file that started it. */
import { freePort, startRedis, type TestRedis } from './redis-server.ts'
import { waitFor } from './wait-for.ts'

/** A running Cluster. */
export interface TestCluster {
  readonly url: string
  readonly nodes: readonly TestRedis[]
  stop(): Promise<void>
}

const NODES = 3
const SLOTS = 16_384

/** Starts the servers, gives each a third of the slots and waits until all agree. */
export async function startCluster(): Promise<TestCluster> {
  const busPorts = await Promise.all(Array.from({ length: NODES }, freePort))
  const nodes = await Promise.all(busPorts.map(startNode))
  const [first, ...others] = nodes.map((node) => node.direct)
  await Promise.all(
    nodes.map(async ({ direct }, n) => {
      await direct.cluster('SET-CONFIG-EPOCH', n + 1)
      const [from, to] = [Math.ceil((n * SLOTS) / NODES), Math.ceil(((n + 1) * SLOTS) / NODES) - 1]
      await direct.call('CLUSTER', 'ADDSLOTSRANGE', from, to)
    }),
  )
  for (const [n] of others.entries()) {
    const [port, busPort] = [nodes[n + 1]?.port, busPorts[n + 1]] as [number, number]
    await first?.call('CLUSTER', 'MEET', '127.0.0.1', port, busPort)
  }
  await Promise.all(nodes.map((node) => waitFor(() => isComplete(node))))
  return {
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    nodes,
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}

function startNode(busPort: number): Promise<TestRedis> {
  return startRedis(
    ...['--cluster-enabled', 'yes', '--cluster-port', String(busPort)],
    ...['--cluster-node-timeout', '2000'],
  )
}

/** Whether the node is in a good Cluster in which all addresses are known. */
async function isComplete({ direct }: TestRedis): Promise<boolean> {
  const info = (await direct.cluster('INFO')) as string
  if (!/cluster_state:ok/.test(info)) return false
  if (!info.includes(`cluster_known_nodes:${NODES}`)) return false
  const lines = String(await direct.cluster('NODES'))
    .trim()
    .split('\n')
  return lines.every((line) => / 127\.0\.0\.1:\d+@/.test(line) && !/handshake|fail/.test(line))
}
