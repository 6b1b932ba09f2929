/** The feed on a shared and on a distributed Redis: two installations on one server, and a Cluster. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { registerGrades } from '../fixture/clients.ts'
import { startCluster } from '../fixture/redis-cluster.ts'
import { startRedis } from '../fixture/redis-server.ts'
import { startServices } from '../fixture/services.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { startFeedSocket } from './feed-socket.ts'
import { ofSubject } from './feed-world.ts'

describe('the feed', () => {
  it('tells nothing of an installation in another database of the same server', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.stop())
    const [own, other] = [
      await startServices({ redisUrl: redis.url }),
      await startServices({ redisUrl: `${redis.url}/1` }),
    ]
    onTestFinished(own.close)
    onTestFinished(other.close)
    const feeds = await Promise.all(
      [own, other].map(async (services) =>
        startFeedSocket(services.introspect[0], await registerGrades(services)),
      ),
    )
    const revoke = ({ store }: typeof own, sub: string) =>
      store.revocations.revoke({ level: 'subject', sub }, { by: 'test' })
    // Same epoch and same numbers on both sides: only the database distinguishes them.
    await Promise.all([revoke(own, 'alice'), revoke(other, 'bob')])
    await feeds[0]?.event(ofSubject('alice'))
    await feeds[1]?.event(ofSubject('bob'))
    for (const feed of feeds) {
      await feed.lease()
      expect(feed.frames.filter(({ type }) => type === 'event')).toHaveLength(1)
      feed.close()
    }
  })

  it('works on a Cluster', async () => {
    const cluster = await startCluster()
    onTestFinished(cluster.stop)
    const services = await startServices({ redisUrl: cluster.url })
    onTestFinished(services.close)
    const grades = await registerGrades(services)
    const feed = await startFeedSocket(services.introspect[0], grades)
    const revoke = (sub: string) =>
      services.store.revocations.revoke({ level: 'subject', sub }, { by: 'test' })
    await revoke('alice')
    await feed.event(ofSubject('alice'))
    await feed.lease()
    const nodes = cluster.nodes.map(({ direct }) => direct)
    for (const node of nodes) await node.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await revoke('bob')
    await feed.event(ofSubject('bob'))
    await waitFor(async () => {
      const counts = await Promise.all(nodes.map((node) => node.pubsub('NUMSUB', 'cc:feed')))
      return counts.reduce((sum, [, count]) => sum + Number(count), 0) === 2
    })
    feed.close()
  })
})
