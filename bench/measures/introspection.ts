/**
 * What a service that asks gets: one process of ours on a real Redis, beside a handler that does nothing, the same in Koa,
 * and oidc-provider on the same Redis.
 */

import { basic } from '../../test/services.ts'
import type { Figure } from '../figure.ts'
import { figureOf, ratioOf } from '../figure.ts'
import { type Installation, issueTokens, startInstallation } from '../installation.ts'
import { type Loaded, type Loader, postRequest, type Stretch, startLoader } from '../load.ts'
import type { Bench, Finding, Measure } from '../measure.ts'
import { type LoadedServer, startPeer } from '../peers.ts'
import { interleave } from '../rounds.ts'

const CONNECTIONS = 64
const TOKENS = 10_000

export const introspection: Measure = {
  name: 'introspection',
  title: 'Introspection beside others',
  run,
}

async function run(bench: Bench): Promise<Finding> {
  const { machine, isQuick, step } = bench
  const rounds = isQuick ? 3 : 5
  const seconds = isQuick ? 1 : 2
  step('starting')
  const ours = await startInstallation(machine)
  const loader = startLoader(machine)
  const { client_id, client_secret } = ours.application
  const oidc = await startPeer(machine, 'oidc-provider', ours.redis.url, client_id, client_secret)
  const http = await startPeer(machine, 'bare-http')
  const koa = await startPeer(machine, 'bare-koa')
  try {
    const tokens = await issueTokens(ours.store, TOKENS)
    const oidcTokens = await issueAtOidcProvider(
      oidc,
      basic(ours.application),
      isQuick ? 500 : 2000,
    )
    const asking = (auth: string, asked: readonly string[]): Stretch => ({
      connections: CONNECTIONS,
      requests: asked.map((token) => postRequest('/introspect', auth, `token=${token}`)),
      seconds,
      expect: '"active":true',
      status: 200,
    })
    const our = asking(basic(ours.resourceServer), tokens)
    const their = { ...asking(basic(ours.application), oidcTokens) }
    their.requests = oidcTokens.map((t) =>
      postRequest('/token/introspection', basic(ours.application), `token=${t}`),
    )
    const contenders = [
      { name: 'Claimcheck', sample: () => loader.load(ours.introspect, our) },
      { name: 'bare node:http', sample: () => loader.load(http, our) },
      { name: 'bare koa + @koa/router', sample: () => loader.load(koa, our) },
      { name: 'oidc-provider', sample: () => loader.load(oidc, their) },
    ]
    const samples = await interleave(rounds, contenders, step)
    for (const [name, s] of Object.entries(samples))
      console.error(
        name,
        ['perSecond', 'p50', 'p99', 'cpu', 'loadShare']
          .map((k) => k + ' ' + figureOf(s.map((x) => x[k as 'cpu'])).median.toFixed(2))
          .join('  '),
      )
    return { tables: [], notes: [] }
  } finally {
    await Promise.all([loader.stop(), oidc.stop(), http.stop(), koa.stop()])
    await ours.stop()
  }
}

async function issueAtOidcProvider(
  { ports }: LoadedServer,
  authorization: string,
  count: number,
): Promise<string[]> {
  const tokens: string[] = []
  for (let n = 0; n < count; n++) {
    const r = await fetch(`http://127.0.0.1:${ports[0]}/token`, {
      method: 'POST',
      headers: { authorization },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'grades:read' }),
    })
    if (!r.ok) throw new Error('oidc ' + r.status + (await r.text()))
    tokens.push(((await r.json()) as { access_token: string }).access_token)
  }
  return tokens
}
