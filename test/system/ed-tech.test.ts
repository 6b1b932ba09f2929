/**
 * The case that roles are made for: a user who teaches two courses, takes two others and assists in a fifth, and a user who is
 * enrolled in 100,000. Each is asked about by introspection, by AuthZEN, by the client library and by its middleware.
 */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, createClient } from '../../client/src/index.ts'
import { type ExpressRouteRequest, protect } from '../../client/src/middleware/express.ts'
import { basic, postForm } from '../fixture/requests.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { startWorld, type World } from '../fixture/world.ts'

const ENROLLED = 100_000
/** The role of the user `mixed` in each course, and what it permits. */
const COURSES = {
  123: { role: 'teacher', permissions: ['grade:read', 'grade:write'] },
  345: { role: 'teacher', permissions: ['grade:read', 'grade:write'] },
  567: { role: 'student', permissions: ['grade:read-own'] },
  789: { role: 'student', permissions: ['grade:read-own'] },
  246: { role: 'ta', permissions: ['grade:read'] },
  999: { role: undefined, permissions: [] },
} as const
const ROLES = {
  teacher: { permissions: ['grade:read', 'grade:write'], assumable: ['student'] },
  ta: { permissions: ['grade:read'] },
  student: { permissions: ['grade:read-own'] },
}
const PERMISSIONS = ['grade:read', 'grade:read-own', 'grade:write'] as const

type Permission = (typeof PERMISSIONS)[number]

let world: World
let claims: Client
let server: Server
let mixed: string
let enrolled: string

async function putSchema(roles: object): Promise<void> {
  expect((await world.callAdmin('PUT', '/role-schema', { roles })).status).toBe(200)
}

beforeAll(async () => {
  world = await startWorld()
  await putSchema(ROLES)
  const changes = Object.entries(COURSES).flatMap(([course, { role }]) =>
    role === undefined
      ? []
      : [{ op: 'assign', subject: 'mixed', context: `course:${course}`, role }],
  )
  expect((await world.callAdmin('POST', '/role-assignments', changes)).status).toBe(200)
  await world.store.assignments.apply(
    Array.from({ length: ENROLLED }, (_, course) => ({
      op: 'assign',
      sub: 'enrolled',
      context: `course:${course}`,
      role: 'student',
    })),
  )
  mixed = (await world.login('mixed')).access_token
  enrolled = (await world.login('enrolled')).access_token
  claims = createClient({
    issuer: world.issuer,
    clientId: world.grades.client_id,
    clientSecret: world.grades.client_secret,
  })
  world.onClose(() => claims.close())
  await waitFor(async () => claims.health().state === 'fresh')
  const app = express()
  const context = (req: ExpressRouteRequest) => `course:${req.params.course}`
  for (const [index, permission] of PERMISSIONS.entries()) {
    app.get(`/:course/${index}`, protect(claims, { permission, context }), (_req, res) => {
      res.end()
    })
  }
  server = createServer(app as RequestListener).listen(0, '127.0.0.1')
  world.onClose(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
})

afterAll(() => world.close())

/** The permissions among the known ones that a way of asking grants. */
async function granted(isGranted: (permission: Permission) => Promise<boolean>): Promise<string[]> {
  const answers = await Promise.all(PERMISSIONS.map(isGranted))
  return PERMISSIONS.filter((_, index) => answers[index])
}

const WAYS: Readonly<
  Record<string, (token: string, sub: string, context: string) => Promise<string[]>>
> = {
  async introspection(token, _sub, context) {
    const response = await postForm(`${world.introspect[0]}/introspect`, world.grades, {
      token,
      context,
    })
    const { permissions } = (await response.json()) as { permissions: Record<string, string[]> }
    return permissions[context] as string[]
  },

  'AuthZEN by token': (token, _sub, context) => evaluate('access_token', token, context),

  'AuthZEN by name': (_token, sub, context) => evaluate('user', sub, context),

  'the client': (token, _sub, context) =>
    granted((permission) => claims.isAuthorized(token, { permission, context })),

  'the middleware': (token, _sub, context) =>
    granted(async (permission) => {
      const { port } = server.address() as AddressInfo
      const course = context.slice('course:'.length)
      const response = await fetch(
        `http://127.0.0.1:${port}/${course}/${PERMISSIONS.indexOf(permission)}`,
        {
          headers: { authorization: `Bearer ${token}` },
        },
      )
      return response.status === 200
    }),
}

async function evaluate(type: string, id: string, context: string): Promise<string[]> {
  const [resourceType, resourceId] = context.split(':')
  const response = await fetch(`${world.introspect[1]}/access/v1/evaluations`, {
    method: 'POST',
    headers: { authorization: basic(world.grades), 'content-type': 'application/json' },
    body: JSON.stringify({
      subject: { type, id },
      resource: { type: resourceType, id: resourceId },
      evaluations: PERMISSIONS.map((name) => ({ action: { name } })),
    }),
  })
  const { evaluations } = (await response.json()) as { evaluations: { decision: boolean }[] }
  return PERMISSIONS.filter((_, index) => evaluations[index]?.decision === true)
}

describe.each(Object.keys(WAYS))('%s', (way) => {
  const ask = WAYS[way] as (typeof WAYS)[string]

  it('tells the permissions of a user in each of five courses, and in a sixth', async () => {
    for (const [course, { permissions }] of Object.entries(COURSES)) {
      expect(await ask(mixed, 'mixed', `course:${course}`)).toEqual(permissions)
    }
  })

  it('tells the permissions in any of 100,000 courses', async () => {
    for (const course of [0, 1, ENROLLED / 2, ENROLLED - 1]) {
      expect(await ask(enrolled, 'enrolled', `course:${course}`)).toEqual(['grade:read-own'])
    }
    expect(await ask(enrolled, 'enrolled', `course:${ENROLLED}`)).toEqual([])
  })
})

it('decides by role as by permission', async () => {
  const roles = ['teacher', 'ta', 'student'] as const
  for (const [course, { role }] of Object.entries(COURSES)) {
    const context = `course:${course}`
    const held = await Promise.all(
      roles.map((name) => claims.isAuthorized(mixed, { role: name, context })),
    )
    expect([course, roles.filter((_, n) => held[n])]).toEqual([course, role ? [role] : []])
  }
  const inLast = { role: 'student', context: `course:${ENROLLED - 1}` }
  expect(await claims.isAuthorized(enrolled, inLast)).toBe(true)
  expect(await claims.isAuthorized(enrolled, { ...inLast, role: 'teacher' })).toBe(false)
})

it('lists the roles in few courses completely, and says so when there are too many', async () => {
  const few = JSON.parse(await world.verdict(mixed))
  expect(few.context_roles_complete).toBe(true)
  expect(few.context_roles).toEqual({
    'course:123': ['teacher'],
    'course:246': ['ta'],
    'course:345': ['teacher'],
    'course:567': ['student'],
    'course:789': ['student'],
  })
  const many = JSON.parse(await world.verdict(enrolled))
  expect(many).toMatchObject({ context_roles: {}, context_roles_complete: false, permissions: {} })
})

it('refuses exactly the course that a user is removed from, on a live token', async () => {
  const held = (course: number) => ({ permission: 'grade:read-own', context: `course:${course}` })
  expect(await claims.isAuthorized(enrolled, held(7))).toBe(true)
  expect(await claims.isAuthorized(enrolled, held(8))).toBe(true)
  const change = { op: 'remove', subject: 'enrolled', context: 'course:7', role: 'student' }
  expect((await world.callAdmin('POST', '/role-assignments', change)).status).toBe(200)
  await waitFor(async () => !(await claims.isAuthorized(enrolled, held(7))))
  const hitsBefore = claims.health().counts.hits
  expect(await claims.isAuthorized(enrolled, held(8))).toBe(true)
  // From the cache: nothing but the one course was dropped.
  expect(claims.health().counts.hits).toBe(hitsBefore + 1)
})

it('follows a change of the schema in the cache, for every subject', async () => {
  const asked = [
    () => claims.isAuthorized(enrolled, { permission: 'grade:read-own', context: 'course:9' }),
    () => claims.isAuthorized(mixed, { permission: 'grade:read-own', context: 'course:567' }),
  ]
  const expectAll = (expected: boolean) =>
    waitFor(async () => {
      const answers = await Promise.all(asked.map((ask) => ask()))
      return answers.every((answer) => answer === expected)
    })
  await expectAll(true)
  await putSchema({ ...ROLES, student: { permissions: [] } })
  await expectAll(false)
  await putSchema(ROLES)
  await expectAll(true)
})
