/** Who issues and who refreshes: what each of them is sent, and that it did what it answered. */
import { basic } from '../../test/fixture/requests.ts'
import { APPLICATION, type Installation, RESOURCE, SCOPE } from '../installation.ts'
import { type Loader, postRequest, type Stretch } from '../load.ts'
import { MINTING } from '../peers/minting.ts'
import type { LoadedServer } from '../peers.ts'
import type { Contender } from '../rounds.ts'
import type { Served } from '../served.ts'

export const OURS = 'Claimcheck'
export const THEIRS = 'oidc-provider'
export const KOA = 'bare koa + @koa/router'

/** What runs. */
export interface Issuing {
  readonly ours: Installation
  readonly oidc: LoadedServer
  readonly koa: LoadedServer
  readonly loader: Loader
}

const CONNECTIONS = 64
const HOUR_SECONDS = 3_600
const DAY_SECONDS = 86_400
const ISSUED_AT_ONCE = 500
/** Refreshing ends by number; no stretch of it takes as long. */
const PATIENCE_SECONDS = 60

/** Tokens of the client itself, for so many seconds. */
export function issuers(issuing: Issuing, seconds: number): readonly Contender<Served>[] {
  const { ours, oidc, koa } = issuing
  const stretch = (path: string, expect: string): Stretch => ({
    connections: CONNECTIONS,
    requests: [post(ours, path, { grant_type: 'client_credentials', scope: SCOPE })],
    seconds,
    expect,
    status: 200,
  })
  const token = stretch('/token', '"access_token":"')
  return [
    { name: OURS, sample: () => loadAndLook(issuing, ours.issuer, token) },
    { name: THEIRS, sample: () => loadAndLook(issuing, oidc, token) },
    {
      name: KOA,
      sample: async () => {
        const loaded = await issuing.loader.load(koa, stretch('/introspect', '"active":true'))
        return { ...loaded, redisCpu: 0 }
      },
    },
  ]
}

/** The same number of refresh tokens, each of another grant and user, each used once. */
export function refreshers(issuing: Issuing, count: number): readonly Contender<Served>[] {
  const { ours, oidc } = issuing
  const stretch = (tokens: readonly string[]): Stretch => ({
    connections: CONNECTIONS,
    requests: tokens.map((refresh_token) =>
      post(ours, '/token', { grant_type: 'refresh_token', refresh_token }),
    ),
    seconds: PATIENCE_SECONDS,
    count,
    expect: '"refresh_token":"',
    status: 200,
  })
  const refresh = async (server: LoadedServer, tokens: readonly string[]): Promise<Served> =>
    loadAndLook(issuing, server, stretch(tokens))
  return [
    { name: OURS, sample: async () => refresh(ours.issuer, await grantAtOurs(ours, count)) },
    { name: THEIRS, sample: async () => refresh(oidc, await grantAtTheirs(issuing, count)) },
  ]
}

function post({ application }: Installation, path: string, form: Record<string, string>): string {
  return postRequest(path, basic(application), new URLSearchParams(form).toString())
}

/** @throws {Error} when fewer records were written than requests answered */
async function loadAndLook(
  { ours, loader }: Issuing,
  server: LoadedServer,
  stretch: Stretch,
): Promise<Served> {
  const before = await lookAt(ours)
  const loaded = await loader.load(server, stretch)
  const after = await lookAt(ours)
  const written = after.written - before.written
  if (written < loaded.answered) {
    throw new Error(
      `${loaded.answered} requests were answered, but only ${written} records written`,
    )
  }
  return { ...loaded, redisCpu: (after.cpuUs - before.cpuUs) / loaded.answered }
}

/** Since Redis was started. */
interface Look {
  /** Processor time, told finer than the system tells it of a process. */
  readonly cpuUs: number
  /** Calls of SET, those of scripts included; each of the two writes at least one record that way for an answer. */
  readonly written: number
}

async function lookAt({ redis }: Installation): Promise<Look> {
  const info = `${await redis.direct.info('cpu')}${await redis.direct.info('commandstats')}`
  const figure = (name: string): number =>
    Number(new RegExp(`^${name}([\\d.]+)`, 'm').exec(info)?.[1] ?? 0)
  return {
    cpuUs: (figure('used_cpu_user:') + figure('used_cpu_sys:')) * 1e6,
    written: figure('cmdstat_set:calls='),
  }
}

async function grantAtOurs({ store }: Installation, count: number): Promise<readonly string[]> {
  const tokens: string[] = []
  while (tokens.length < count) {
    const size = Math.min(ISSUED_AT_ONCE, count - tokens.length)
    tokens.push(...(await Promise.all(Array.from({ length: size }, () => grant(store)))))
  }
  return tokens
}

async function grant({ tokens }: Installation['store']): Promise<string> {
  const sub = `user-${crypto.randomUUID()}`
  const issued = await tokens.issue({
    authorization: { sub, clientId: APPLICATION, scope: SCOPE, aud: [RESOURCE], login: {} },
    subjectKind: 'user',
    session: { mode: 'none' },
    accessTokenLifetimeSeconds: HOUR_SECONDS,
    refresh: { lifetimeSeconds: DAY_SECONDS, idleLifetimeSeconds: DAY_SECONDS },
  })
  if (issued.kind !== 'issued') throw new Error(`a grant was not issued: ${issued.kind}`)
  return issued.refreshToken as string
}

async function grantAtTheirs({ ours, oidc }: Issuing, count: number): Promise<readonly string[]> {
  const response = await fetch(`http://127.0.0.1:${oidc.ports[0]}/token`, {
    method: 'POST',
    headers: { authorization: basic(ours.application) },
    body: new URLSearchParams({ grant_type: MINTING, count: String(count) }),
  })
  if (!response.ok) throw new Error(`oidc-provider minted nothing: ${await response.text()}`)
  return ((await response.json()) as { refresh_tokens: string[] }).refresh_tokens
}
