/**
 * Every route that needs Redis, with a valid request; fault tests send them all. The requests use different names, so that no
 * request depends on another one.
 */

import type { Login } from '../fixture/operator.ts'
import { basic, postForm } from '../fixture/requests.ts'
import type { World } from '../fixture/world.ts'

/** One route, with a request that is answered 2xx when all is well. */
export interface RouteProbe {
  readonly name: string
  send(): Promise<Response>
}

/** What the requests are about. */
export interface RouteSubject extends World {
  /** A live login; what revokes uses names of nothing, or `dry_run`. */
  readonly issued: Login
}

/** Routes of both services that only read. */
export function readingRoutes({
  introspect: nodes,
  grades,
  issued,
}: RouteSubject): readonly RouteProbe[] {
  const junk = `cc_at_${'x'.repeat(68)}`
  const introspect = (node: string, token: string) =>
    postForm(`${node}/introspect`, grades, { token })
  const batch = (node: string, tokens: readonly string[]) =>
    fetch(`${node}/introspect/batch`, {
      method: 'POST',
      headers: { authorization: basic(grades), 'content-type': 'application/json' },
      body: JSON.stringify({ tokens }),
    })
  const evaluate = (node: string, type: string, id: string) =>
    fetch(`${node}/access/v1/evaluation`, {
      method: 'POST',
      headers: { authorization: basic(grades), 'content-type': 'application/json' },
      body: JSON.stringify({
        subject: { type, id },
        action: { name: 'grade:read' },
        resource: { type: 'course', id: '1' },
      }),
    })
  return nodes.flatMap((node, n) => [
    { name: `introspect at node ${n}`, send: () => introspect(node, issued.access_token) },
    { name: `introspect junk at node ${n}`, send: () => introspect(node, junk) },
    { name: `batch at node ${n}`, send: () => batch(node, [issued.access_token, junk]) },
    { name: `evaluation by name at node ${n}`, send: () => evaluate(node, 'user', 'alice') },
    {
      name: `evaluation by token at node ${n}`,
      send: () => evaluate(node, 'access_token', issued.access_token),
    },
  ])
}

/** Routes of the issuer that read, behind the guard of the admin API. */
export function adminReadingRoutes({ callAdmin }: RouteSubject): readonly RouteProbe[] {
  const get = (path: string) => ({
    name: `GET ${path}`,
    send: () => callAdmin('GET', path),
  })
  return [
    get('/clients'),
    get('/clients/web-app'),
    get('/subjects/alice'),
    get('/subjects/alice/sessions'),
    get('/subjects/alice/grants'),
    get('/subjects/alice/roles'),
    get('/contexts/course:1/subjects'),
    get('/role-schema'),
    {
      name: 'POST /revocations (dry run)',
      send: () => callAdmin('POST', '/revocations', { subject: 'alice', dry_run: true }),
    },
  ]
}

/** Routes that revoke: they must work when Redis is full. */
export function revokingRoutes(subject: RouteSubject): readonly RouteProbe[] {
  const { issuer, callAdmin, web, issued } = subject
  const revoke = (level: string, target: object) => ({
    name: `POST /revocations (${level})`,
    send: () => callAdmin('POST', '/revocations', target),
  })
  return [
    {
      name: 'POST /revoke',
      send: () => postForm(`${issuer}/revoke`, web, { token: issued.access_token }),
    },
    adminProbe(subject, 'POST', '/role-assignments', {
      op: 'remove',
      subject: 'alice',
      context: 'course:1',
      role: 'student',
    }),
    revoke('subject', { subject: 'nobody' }),
    revoke('subject and client', { subject: 'nobody', client: 'web-app' }),
    revoke('client', { client: 'grades-api' }),
    revoke('session', { session: issued.sid }),
    revoke('grant', { grant: issued.grant_id }),
    revoke('token', { token: issued.access_token }),
  ]
}

/** Routes that add something to Redis. */
export function addingRoutes(subject: RouteSubject): readonly RouteProbe[] {
  return [...issuingRoutes(subject), ...registeringRoutes(subject)]
}

/** Routes that issue tokens. */
export function issuingRoutes(subject: RouteSubject): readonly RouteProbe[] {
  const { issuer, web, issued } = subject
  const token = (name: string, form: Record<string, string>) => ({
    name: `POST /token (${name})`,
    send: () => postForm(`${issuer}/token`, web, form),
  })
  return [
    token('client credentials', { grant_type: 'client_credentials' }),
    token('refresh', { grant_type: 'refresh_token', refresh_token: issued.refresh_token }),
    token('exchange', {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: issued.access_token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    }),
    adminProbe(subject, 'POST', '/tokens', { sub: 'alice', client_id: 'web-app' }),
  ]
}

/** Routes that register: they also suspend and disable, which must work when Redis is full. */
export function registeringRoutes(subject: RouteSubject): readonly RouteProbe[] {
  return [
    adminProbe(subject, 'PUT', '/subjects/alice', { name: 'Alice' }),
    adminProbe(subject, 'PUT', '/role-schema', { roles: { student: { permissions: [] } } }),
    adminProbe(subject, 'PUT', '/clients/spare', {}),
    adminProbe(subject, 'POST', '/clients/spare/secrets'),
  ]
}

function adminProbe(
  { callAdmin }: RouteSubject,
  method: string,
  path: string,
  body?: unknown,
): RouteProbe {
  return { name: `${method} ${path}`, send: () => callAdmin(method, path, body) }
}

/** All of them. */
export function allRoutes(subject: RouteSubject): readonly RouteProbe[] {
  return [
    ...readingRoutes(subject),
    ...adminReadingRoutes(subject),
    ...addingRoutes(subject),
    ...revokingRoutes(subject),
  ]
}

/** An answer, reduced to what a fault test compares. */
export interface RouteAnswer {
  readonly name: string
  readonly status: number
  readonly retryAfter: string | null
  readonly body: string
  readonly durationMs: number
}

/** Sends all at once. */
export function sendAll(routes: readonly RouteProbe[]): Promise<readonly RouteAnswer[]> {
  return Promise.all(
    routes.map(async ({ name, send }) => {
      const startedAt = performance.now()
      const response = await send()
      const body = await response.text()
      const retryAfter = response.headers.get('retry-after')
      const durationMs = performance.now() - startedAt
      return { name, status: response.status, retryAfter, body, durationMs }
    }),
  )
}
