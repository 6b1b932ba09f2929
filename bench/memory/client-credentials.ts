/** Tokens by client credentials, ours and oidc-provider's: the same requests to both, each on a Redis of its own. */
import { postForm, type TestClient } from '../../test/fixture/requests.ts'
import { APPLICATION, SCOPE, startBenchRedis, startInstallation } from '../installation.ts'
import type { Machine } from '../machine.ts'
import { startPeer } from '../peers.ts'
import { type Cost, share } from './cost.ts'
import { dropLogs, readKeyspace } from './keyspace.ts'

type Redis = Parameters<typeof readKeyspace>[0]

const ASKED_AT_ONCE = 16
/** Before the first reading: scripts, connections and the first of each index are there. */
const WARM_UP = 64

/** What a token of ours costs. */
export async function costOfOurs(machine: Machine, tokens: number): Promise<Cost> {
  const ours = await startInstallation(machine, { introspects: 0, withIssuer: true })
  const { redis, store, application, issuerUrl } = ours
  try {
    const last = await costOf(redis.direct, `${issuerUrl}/token`, application, tokens)
    const { state } = await store.tokens.introspect(last.token, '')
    if (state.kind !== 'active') throw new Error(`a token of ours is ${state.reason}`)
    return last.cost
  } finally {
    await ours.stop()
  }
}

/** What one of oidc-provider costs. */
export async function costOfTheirs(machine: Machine, tokens: number): Promise<Cost> {
  const { redis } = await startBenchRedis(machine)
  const client = { client_id: APPLICATION, client_secret: 'secret-of-the-bench' }
  const { client_id, client_secret } = client
  const oidc = await startPeer(machine, 'oidc-provider', redis.url, client_id, client_secret)
  try {
    const url = `http://127.0.0.1:${oidc.ports[0]}/token`
    const { token, cost } = await costOf(redis.direct, url, client, tokens)
    const answer = await postForm(`${url}/introspection`, client, { token })
    if (!(await answer.text()).includes('"active":true')) throw new Error('theirs is not active')
    return cost
  } finally {
    await oidc.stop()
    await redis.stop()
  }
}

async function costOf(redis: Redis, url: string, client: TestClient, tokens: number) {
  await issueAll(url, client, WARM_UP)
  await dropLogs(redis)
  const before = await readKeyspace(redis)
  const token = await issueAll(url, client, tokens)
  await dropLogs(redis)
  return { token, cost: share(before, await readKeyspace(redis), tokens) }
}

/** @returns the last of them */
async function issueAll(url: string, client: TestClient, count: number): Promise<string> {
  let left = count
  let last = ''
  const issuer = async (): Promise<void> => {
    while (left-- > 0) last = await issueOne(url, client)
  }
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, issuer))
  return last
}

async function issueOne(url: string, client: TestClient): Promise<string> {
  const form = { grant_type: 'client_credentials', scope: SCOPE }
  const response = await postForm(url, client, form)
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  const { access_token } = (await response.json()) as { readonly access_token: string }
  return access_token
}
