/** The store contract on a Cluster of three servers, and the proof that every script stays in one slot. */
import { createHash } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import { loadScripts } from '../../store/redis/scripts.ts'
import { startCluster } from '../fixture/redis-cluster.ts'
import { type ScriptWatch, watchScripts } from './script-keys.ts'
import { storeContract } from './store-contract.ts'

let watch: ScriptWatch | undefined

storeContract('a Cluster', async () => {
  const cluster = await startCluster()
  const nodes = cluster.nodes.map(({ direct }) => direct)
  watch = await watchScripts(nodes)
  return { url: cluster.url, node: nodes[0] as (typeof nodes)[0], stop: cluster.stop }
})

describe('on a Cluster every script', () => {
  const calls = () => watch?.calls ?? []
  afterAll(() => watch?.stop())

  const scripts = loadScripts().map(({ name, lua }) => ({
    name,
    sha: createHash('sha1').update(lua).digest('hex'),
  }))

  it.each(scripts)('$name touches one slot only', ({ name, sha }) => {
    const own = calls().filter((call) => call.sha === sha)
    expect(own.length).toBeGreaterThan(0)
    for (const { keys } of own) {
      const slots = new Set(keys.map(hashed))
      expect([...slots], `${name}: ${keys.join(' ')}`).toHaveLength(1)
    }
  })

  it('that derives keys is seen to do so', () => {
    const [introspect] = scripts.filter(({ name }) => name === 'introspect-token')
    const derived = calls().filter(({ sha, keys }) => sha === introspect?.sha && keys.length > 9)
    expect(derived.length).toBeGreaterThan(0)
  })
})

/** What of a key decides about its slot: the text in its first braces, or all of it. */
function hashed(key: string): string {
  return /^[^{]*\{([^}]+)\}/.exec(key)?.[1] ?? key
}
