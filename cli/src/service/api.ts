/**
 * The services as commands see them. Calls that are idempotent are repeated a few times when the network or the server
 * fails; others are sent once.
 */

import { unreachable } from '../exit.ts'
import type { Credentials, Profile } from '../input/profile-file.ts'
import { type HttpCaller, type HttpRequest, originOf } from './http-call.ts'
import { basic, createOperatorToken, FORM } from './operator-token.ts'
import { type CallerName, notClaimcheck, readObject, toRefusal } from './refusal.ts'
import { createRetry, type Retry } from './retry.ts'

/** Members of a JSON object. */
export type Json = Readonly<Record<string, unknown>>

/** A call of the admin API. */
export interface AdminCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** What follows `/admin/v1`, with its segments encoded. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: unknown
  readonly ifMatch?: string
  /** Whether a `POST` is idempotent. The other methods always are. */
  readonly isRepeatable?: boolean
  /** Whether the answer may take longer than others, as that of a dry run that counts. */
  readonly isLong?: boolean
}

/** Where introspection and the feed are. */
interface Endpoints {
  readonly introspection: string
  readonly feed: string | undefined
}

/** Calls the services. */
export interface Api {
  readonly profile: Profile
  admin(call: AdminCall): Promise<Json>
  /** Sends lines of JSON to the admin API and yields the lines of the answer as they come. Never repeated here. */
  adminLines(path: string, query: AdminCall['query'], body: string): Promise<AsyncIterable<Json>>
  /** Items of all pages, at most `limit`. */
  pages(call: AdminCall, member: string, limit: number): Promise<Page>
  /** RFC 7662, as the profile's resource server. */
  introspect(token: string, context: string | undefined): Promise<Json>
  endpoints(): Promise<Endpoints>
  /** The client that introspects. */
  readonly resourceServer: Credentials
  /** Checks the operator's credentials. @returns the scope they give */
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
  readonly http: HttpCaller
  readonly timeoutMs: number
  readonly random: () => number
  readonly interrupted: AbortSignal
}

const LONG_CALL_FACTOR = 6
const PAGE_SIZE = 500
const WELL_KNOWN = '/.well-known/oauth-authorization-server'
const NDJSON = 'application/x-ndjson'

/** Makes the API of a profile. */
export function createApi(options: ApiOptions): Api {
  const { profile, http, timeoutMs, random, interrupted } = options
  const base = `${profile.issuer.replace(/\/$/, '')}/admin/v1`
  const resourceServer = profile.resourceServer ?? profile.operator
  const caller: CallerName = { profile: profile.name, clientId: profile.operator.clientId }
  const retry = createRetry(random, interrupted)
  const token = createOperatorToken({ profile, http, retry, timeoutMs })
  let endpoints: Promise<Endpoints> | undefined

  async function admin(call: AdminCall): Promise<Json> {
    const request = requestOf(base, call, timeoutMs)
    const send = () =>
      token.authorized((authorization) =>
        http.send({ ...request, headers: { ...request.headers, authorization } }),
      )
    const isRepeatable = call.isRepeatable ?? call.method !== 'POST'
    const answer = await (isRepeatable ? retry(send) : send())
    if (answer.status < 200 || answer.status > 299) throw toRefusal(answer, caller)
    return answer.status === 204 ? {} : readObject(answer)
  }

  function findEndpoints(): Promise<Endpoints> {
    endpoints ??= discover(options, retry, caller)
    return endpoints
  }

  return {
    profile,
    resourceServer,
    admin,
    endpoints: findEndpoints,
    signIn: async () => (await token.get()).scope,
    pages: (call, member, limit) => readPages(admin, call, member, limit),

    async adminLines(path, query, body) {
      const url = `${base}${path}${queryText(query)}`
      const answer = await token.authorized((authorization) =>
        http.stream({
          url,
          method: 'POST',
          headers: { accept: NDJSON, 'content-type': NDJSON, authorization },
          body,
          timeoutMs: timeoutMs * LONG_CALL_FACTOR,
        }),
      )
      if ('status' in answer) throw toRefusal(answer, caller)
      return parseLines(answer, url)
    },

    async introspect(text, context) {
      const { introspection } = await findEndpoints()
      const form = new URLSearchParams({ token: text })
      if (context !== undefined) form.set('context', context)
      const answer = await retry(() =>
        http.send({
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

function requestOf(base: string, call: AdminCall, timeoutMs: number): HttpRequest {
  const { method, path, query, body, ifMatch, isLong } = call
  return {
    url: `${base}${path}${queryText(query)}`,
    method,
    timeoutMs: isLong === true ? timeoutMs * LONG_CALL_FACTOR : timeoutMs,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }
}

/** Reads the issuer's metadata; a profile may name another introspection service. */
async function discover(
  { profile, http, timeoutMs }: ApiOptions,
  retry: Retry,
  caller: CallerName,
): Promise<Endpoints> {
  const { origin, pathname } = new URL(profile.issuer)
  const url = `${origin}${WELL_KNOWN}${pathname.replace(/\/$/, '')}`
  const answer = await retry(() =>
    http.send({ url, method: 'GET', headers: { accept: 'application/json' }, timeoutMs }),
  )
  if (answer.status !== 200) throw toRefusal(answer, caller)
  const metadata = readObject(answer)
  const own = profile.introspect?.replace(/\/$/, '')
  const introspection = own === undefined ? metadata.introspection_endpoint : `${own}/introspect`
  const feed = own === undefined ? metadata.claimcheck_feed_endpoint : `${own}/feed`
  if (typeof introspection !== 'string') throw notClaimcheck(answer)
  return { introspection, feed: typeof feed === 'string' ? feed : undefined }
}

async function readPages(
  admin: Api['admin'],
  call: AdminCall,
  member: string,
  limit: number,
): Promise<Page> {
  const items: Json[] = []
  let cursor: string | undefined
  do {
    const size = Math.min(PAGE_SIZE, limit - items.length)
    const body = await admin({ ...call, query: { ...call.query, limit: size, cursor } })
    const found = body[member]
    if (!Array.isArray(found)) throw unreachable(`the issuer’s answer has no "${member}"`)
    items.push(...(found as Json[]))
    cursor = typeof body.next_cursor === 'string' ? body.next_cursor : undefined
  } while (cursor !== undefined && items.length < limit)
  return { items: items.slice(0, limit), hasMore: cursor !== undefined || items.length > limit }
}

/** Encodes one segment of a path. */
export function segment(text: string): string {
  return encodeURIComponent(text)
}

async function* parseLines(lines: AsyncIterable<string>, url: string): AsyncGenerator<Json> {
  for await (const line of lines) {
    try {
      yield JSON.parse(line) as Json
    } catch {
      throw unreachable(
        `${originOf(url)} sent a line that is not JSON: this is not a Claimcheck server`,
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
