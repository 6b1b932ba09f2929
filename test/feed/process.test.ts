/** The feed of a real process: its goodbye on SIGTERM, and an exit that does not wait for a stuck client. */
import { randomBytes } from 'node:crypto'
import { expect, it, onTestFinished } from 'vitest'
import { startWorld } from '../fixture/world.ts'
import { startProcess } from '../system/service-process.ts'
import { startFeedSocket } from './feed-socket.ts'

it('says goodbye to its clients on SIGTERM and exits with 0', async () => {
  const { redis, grades, close } = await startWorld()
  onTestFinished(close)
  const node = startProcess('introspect', {
    CLAIMCHECK_REDIS_URL: redis.url,
    CLAIMCHECK_INTROSPECT_PORT: '0',
    CLAIMCHECK_TOKEN_KEYS: `k9.${randomBytes(32).toString('base64url')}`,
  })
  onTestFinished(() => node.stop())
  const feeds = [
    await startFeedSocket(await node.listening(), grades),
    await startFeedSocket(await node.listening(), grades),
  ]
  // The second neither reads nor answers the close.
  feeds[1]?.socket.pause()
  node.signal('SIGTERM')
  expect(await feeds[0]?.closeCode()).toBe(1001)
  expect(feeds[0]?.frames.at(-1)?.type).toBe('goodbye')
  expect(await node.ended()).toBe(0)
  expect(node.output()).toContain('"outcome":"drained"')
})
