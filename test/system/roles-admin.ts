/** The admin routes of roles as an operator calls them, for the files that test them. */
import { afterAll, beforeAll, expect } from 'vitest'
import type { StoreOptions } from '../../store/store.ts'
import { type ProxiedWorld, startProxiedWorld } from './proxied-world.ts'

/** A JSON object. */
export type Json = Record<string, unknown>

/** What a route answered. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Json
}

interface Page extends Json {
  readonly next_cursor?: string
}

/** Looks like a token of ours. */
export const TOKEN = `cc_at_${'x'.repeat(68)}`
/** A schema to begin with. */
export const SCHEMA = {
  teacher: { permissions: ['grade:read', 'grade:write'], assumable: ['student'] },
  student: { permissions: ['grade:read'], assumable: [] },
  guest: { permissions: [], assumable: [] },
}

/** Starts a proxied world for the tests of a file, and closes it after them. */
export function useRolesAdmin(issuerStore?: Partial<StoreOptions>) {
  let world: ProxiedWorld

  beforeAll(async () => {
    world = await startProxiedWorld(issuerStore)
  })

  afterAll(() => world.close())

  async function call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(`${world.issuer}/admin/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${world.adminToken()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: JSON.parse(text) as Json }
  }

  const putSchema = (roles: unknown, query = '', headers: Record<string, string> = {}) =>
    call('PUT', `/role-schema${query}`, { roles }, headers)
  const schema = async () =>
    (await call('GET', '/role-schema')).body as { version: number; roles: Json }

  async function change(changes: unknown): Promise<Json> {
    const { status, body } = await call('POST', '/role-assignments', changes)
    expect(status).toBe(200)
    return body
  }
  const assign = (subject: string, context: string, role: string, expires_at?: number) =>
    change({
      op: 'assign',
      subject,
      context,
      role,
      ...(expires_at === undefined ? {} : { expires_at }),
    })

  /** All pages of a listing. */
  async function pages(path: string, query = ''): Promise<readonly Page[]> {
    const found: Page[] = []
    let cursor: string | undefined
    do {
      const after = cursor === undefined ? '' : `&cursor=${cursor}`
      const { status, body } = await call('GET', `${path}?${query}${after}`)
      expect([status, body.detail]).toEqual([200, undefined])
      found.push(body)
      cursor = (body as Page).next_cursor
    } while (cursor !== undefined)
    return found
  }

  const rolesOf = async (sub: string, query?: string) =>
    (await pages(`/subjects/${encodeURIComponent(sub)}/roles`, query)).flatMap(
      ({ roles }) => roles as Json[],
    )
  const holdersIn = async (context: string, query?: string) =>
    (await pages(`/contexts/${encodeURIComponent(context)}/subjects`, query)).flatMap(
      ({ subjects }) => subjects as Json[],
    )

  return {
    call,
    putSchema,
    schema,
    change,
    assign,
    rolesOf,
    holdersIn,
    world: () => world,
  }
}
