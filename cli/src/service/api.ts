/**
 * The services as commands see them. Gets the operator's token by client credentials, keeps it in memory alone and gets
 * another one when it is refused, once. What can be repeated without harm is repeated a few times when the network or the
 * server fails; the rest is not.
 */

import { type CliError, EXIT, interruption, unreachable } from '../exit.ts'
import type { Credentials, Profile } from '../input/profile.ts'
import { type HttpAnswer, type HttpCaller, type HttpRequest, originOf } from './http-call.ts'
import { type Asker, foreign, readObject, toRefusal } from './refusal.ts'

/** Members of a JSON object. */
export type Json = Readonly<Record<string, unknown>>

/** A call of the admin API. */
export interface AdminCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Follows `/admin/v1`; its parts are encoded. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: unknown
  readonly ifMatch?: string
  /** Whether doing it twice is the same as once. Reads and `PUT` always are. */
  readonly isRepeatable?: boolean
  /** Such as dry runs that count: they may take longer than other calls. */
  readonly isLong?: boolean
}

/** An answer with its headers. */
export interface AdminAnswer {
  readonly body: Json
  readonly headers: Headers
}

/** Where the services are, from the issuer's metadata. */
export interface Endpoints {
  readonly introspection: string
  readonly feed: string | undefined
}

/** Calls the services. */
export interface Api {
  readonly profile: Profile
  admin(call: AdminCall): Promise<Json>
  adminAnswer(call: AdminCall): Promise<AdminAnswer>
  /** Sends lines of JSON to the admin API and hands out the answer's as they come. Not repeated by itself. */
  adminLines(path: string, query: AdminCall['query'], body: string): Promise<AsyncIterable<Json>>
  /** Items of all pages, at most `limit`. */
  pages(call: AdminCall, member: string, limit: number): Promise<Page>
  /** RFC 7662, as the profile's resource server. */
  introspect(token: string, contexts: string | undefined): Promise<Json>
  endpoints(): Promise<Endpoints>
  /** Who introspects. */
  readonly resourceServer: Credentials
  /** Proves the operator's credentials. @returns the scope they give */
  signIn(): Promise<string>
}

/** Some items, and whether there are more. */
export interface Page {
  readonly items: readonly Json[]
  readonly hasMore: boolean
}

/** What an API is made from. */
export interface ApiOptions {
  readonly profile: Profile
  readonly exchange: HttpCaller
  readonly timeoutMs: number
  readonly random: () => number
  readonly interrupted: AbortSignal
}

const ATTEMPTS = 3
const FIRST_WAIT_MS = 150
const LONGEST_WAIT_MS = 5_000
const LONG_CALL_FACTOR = 6
const PAGE_SIZE = 500

/** Makes the API of a profile. */
export function createApi(options: ApiOptions): Api {
  const { profile, exchange, timeoutMs, random, interrupted } = options
  const base = profile.issuer.replace(/\/$/, '')
  const resourceServer = profile.resourceServer ?? profile.operator
  const operatorAsker: Asker = { profile: profile.name, clientId: profile.operator.clientId }
  let token: Promise<{ text: string; scope: string }> | undefined
  let endpoints: Promise<Endpoints> | undefined

  async function fetchToken(): Promise<{ text: string; scope: string }> {
    const answer = await repeated(() =>
      exchange.send({
        url: `${base}/token`,
        method: 'POST',
        headers: { ...FORM, accept: 'application/json', authorization: basic(profile.operator) },
        body: 'grant_type=client_credentials',
        timeoutMs,
      }),
    )
    if (answer.status !== 200) throw toRefusal(answer, operatorAsker)
    const { access_token, scope } = readObject(answer)
    if (typeof access_token !== 'string') throw foreign(answer)
    return { text: access_token, scope: typeof scope === 'string' ? scope : '' }
  }

  function operatorToken(): Promise<{ text: string; scope: string }> {
    token ??= fetchToken().catch((error: unknown) => {
      token = undefined
      throw error
    })
    return token
  }

  /** Sends with the operator's token; a token that has become void since is replaced once. */
  async function authorized<Answer extends object>(
    send: (authorization: string) => Promise<Answer>,
  ): Promise<Answer> {
    const { text } = await operatorToken()
    const answer = await send(`Bearer ${text}`)
    if (!('status' in answer) || answer.status !== 401) return answer
    token = undefined
    return send(`Bearer ${(await operatorToken()).text}`)
  }

  /** Repeats while the network or the server fails, with growing random waits. */
  async function repeated(
    send: () => Promise<HttpAnswer>,
    attempts = ATTEMPTS,
  ): Promise<HttpAnswer> {
    for (let attempt = 1; ; attempt++) {
      const isLast = attempt >= attempts
      try {
        const answer = await send()
        if (isLast || !isPassing(answer.status)) return answer
        await wait(retryAfterMs(answer) ?? backoffMs(attempt))
      } catch (error) {
        if (isLast || (error as CliError).exitCode !== EXIT.unreachable) throw error
        await wait(backoffMs(attempt))
      }
    }
  }

  const backoffMs = (attempt: number) => random() * FIRST_WAIT_MS * 2 ** attempt

  function wait(ms: number): Promise<void> {
    return pause(Math.min(ms, LONGEST_WAIT_MS), interrupted)
  }

  function requestOf(call: AdminCall): Omit<HttpRequest, 'headers'> {
    return {
      url: `${base}/admin/v1${call.path}${queryText(call.query)}`,
      method: call.method,
      timeoutMs: call.isLong === true ? timeoutMs * LONG_CALL_FACTOR : timeoutMs,
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    }
  }

  async function adminAnswer(call: AdminCall): Promise<AdminAnswer> {
    const request = requestOf(call)
    const isRepeatable = call.isRepeatable ?? call.method !== 'POST'
    const answer = await repeated(
      () =>
        authorized((authorization) =>
          exchange.send({
            ...request,
            headers: {
              accept: 'application/json',
              authorization,
              ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
              ...(call.ifMatch === undefined ? {} : { 'if-match': call.ifMatch }),
            },
          }),
        ),
      isRepeatable ? ATTEMPTS : 1,
    )
    if (answer.status < 200 || answer.status > 299) throw toRefusal(answer, operatorAsker)
    const body = answer.status === 204 ? {} : readObject(answer)
    return { body, headers: answer.headers }
  }

  async function discover(): Promise<Endpoints> {
    const { origin, pathname } = new URL(profile.issuer)
    const url = `${origin}${WELL_KNOWN}${pathname.replace(/\/$/, '')}`
    const answer = await repeated(() =>
      exchange.send({ url, method: 'GET', headers: { accept: 'application/json' }, timeoutMs }),
    )
    if (answer.status !== 200) throw toRefusal(answer, operatorAsker)
    const metadata = readObject(answer)
    const own = profile.introspect?.replace(/\/$/, '')
    const introspection = own === undefined ? metadata.introspection_endpoint : `${own}/introspect`
    const feed = own === undefined ? metadata.claimcheck_feed_endpoint : `${own}/feed`
    if (typeof introspection !== 'string') throw foreign(answer)
    return { introspection, feed: typeof feed === 'string' ? feed : undefined }
  }

  function findEndpoints(): Promise<Endpoints> {
    endpoints ??= discover()
    return endpoints
  }

  return {
    profile,
    resourceServer,
    adminAnswer,
    endpoints: findEndpoints,
    signIn: async () => (await operatorToken()).scope,
    admin: async (call) => (await adminAnswer(call)).body,

    async adminLines(path, query, body) {
      const url = `${base}/admin/v1${path}${queryText(query)}`
      const answer = await authorized((authorization) =>
        exchange.stream({
          url,
          method: 'POST',
          headers: { accept: NDJSON, 'content-type': NDJSON, authorization },
          body,
          timeoutMs: timeoutMs * LONG_CALL_FACTOR,
        }),
      )
      if ('status' in answer) throw toRefusal(answer, operatorAsker)
      return objectsOf(answer, url)
    },

    async pages(call, member, limit) {
      const items: Json[] = []
      let cursor: string | undefined
      do {
        const size = Math.min(PAGE_SIZE, limit - items.length)
        const body = await this.admin({ ...call, query: { ...call.query, limit: size, cursor } })
        const found = body[member]
        if (!Array.isArray(found)) throw unreachable(`the issuer’s answer has no "${member}"`)
        items.push(...(found as Json[]))
        cursor = typeof body.next_cursor === 'string' ? body.next_cursor : undefined
      } while (cursor !== undefined && items.length < limit)
      return { items: items.slice(0, limit), hasMore: cursor !== undefined || items.length > limit }
    },

    async introspect(text, contexts) {
      const { introspection } = await findEndpoints()
      const form = new URLSearchParams({ token: text })
      if (contexts !== undefined) form.set('context', contexts)
      const answer = await repeated(() =>
        exchange.send({
          url: introspection,
          method: 'POST',
          headers: { ...FORM, accept: 'application/json', authorization: basic(resourceServer) },
          body: form.toString(),
          timeoutMs,
        }),
      )
      if (answer.status === 200) return readObject(answer)
      throw toRefusal(answer, { profile: profile.name, clientId: resourceServer.clientId })
    },
  }
}

const WELL_KNOWN = '/.well-known/oauth-authorization-server'
const NDJSON = 'application/x-ndjson'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' } as const

/** HTTP Basic with both halves form-encoded (RFC 6749 §2.3.1). */
export function basic({ clientId, clientSecret }: Credentials): string {
  const encode = (text: string) => new URLSearchParams([['', text]]).toString().slice(1)
  return `Basic ${btoa(`${encode(clientId)}:${encode(clientSecret)}`)}`
}

/** Waits; Ctrl-C ends it. */
export async function pause(ms: number, interrupted: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  const stop = () => resolve()
  interrupted.addEventListener('abort', stop, { once: true })
  if (interrupted.aborted) stop()
  await promise
  clearTimeout(timer)
  interrupted.removeEventListener('abort', stop)
  if (interrupted.aborted) throw interruption()
}

/** One part of a path. */
export function segment(text: string): string {
  return encodeURIComponent(text)
}

async function* objectsOf(lines: AsyncIterable<string>, url: string): AsyncGenerator<Json> {
  for await (const line of lines) {
    try {
      yield JSON.parse(line) as Json
    } catch {
      throw unreachable(
        `${originOf(url)} sent a line that is no JSON: this is no Claimcheck server`,
      )
    }
  }
}

function queryText(query: AdminCall['query'] = {}): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  )
  if (given.length === 0) return ''
  return `?${new URLSearchParams(given)}`
}

/** Statuses that may be another in a moment. */
function isPassing(status: number): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504
}

function retryAfterMs({ headers }: HttpAnswer): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined
}
