/** The example, in the order in which its README explains it. */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, createClient } from '../../../client/src/index.ts'
import { createGradeBook } from '../../../examples/grade-book/app.ts'
import {
  createOperator,
  type Operator,
  type SignedIn,
} from '../../../examples/grade-book/sign-in.ts'
import { waitFor } from '../../fixture/wait-for.ts'
import { startWorld, type World } from '../../fixture/world.ts'

let world: World
let claims: Client
let server: Server
let operator: Operator
let tina: SignedIn
let tariq: SignedIn
let sam: SignedIn
let ada: SignedIn

beforeAll(async () => {
  const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
  world = await startWorld({ web: { grant_types: ['client_credentials', exchange] } })
  const { issuer, admin, grades, web } = world
  claims = createClient({
    issuer,
    clientId: grades.client_id,
    clientSecret: grades.client_secret,
  })
  world.onClose(() => claims.close())
  operator = await createOperator({
    issuer,
    clients: { admin, 'grades-api': grades, 'web-app': web },
  })
  await operator.setUpRoles()
  tina = await operator.signIn('tina')
  tariq = await operator.signIn('tariq')
  sam = await operator.signIn('sam')
  ada = await operator.signIn('ada')
  server = createServer(createGradeBook(claims) as RequestListener).listen(0, '127.0.0.1')
  world.onClose(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
})

afterAll(() => world.close())

function ask(path: string, { token }: SignedIn, grade?: unknown): Promise<Response> {
  const { port } = server.address() as AddressInfo
  const authorization = `Bearer ${token}`
  return fetch(
    `http://127.0.0.1:${port}${path}`,
    grade === undefined
      ? { headers: { authorization } }
      : {
          method: 'PUT',
          headers: { authorization, 'content-type': 'application/json' },
          body: JSON.stringify({ grade }),
        },
  )
}

const SAMS = '/courses/101/grades/sam'
const COURSE = '/courses/101/grades'
const MINE = '/courses/101/grades/mine'

const statuses = async (...answers: readonly Promise<Response>[]): Promise<number[]> =>
  (await Promise.all(answers)).map(({ status }) => status)

describe('the grade book', () => {
  it('lets only the teacher of the course write', async () => {
    expect(
      await statuses(ask(SAMS, tina, 'A'), ask(SAMS, tariq, 'F'), ask(SAMS, sam, 'A+')),
    ).toEqual([200, 403, 403])
    expect(await statuses(ask('/courses/202/grades/sam', tina, 'A'))).toEqual([403])
    expect((await ask(SAMS, tina, 'excellent')).status).toBe(422)
    expect(await (await ask(COURSE, tariq)).json()).toEqual({ sam: 'A' })
  })

  it('shows the grades of a course to those who teach it, and people their own', async () => {
    expect(await statuses(ask(COURSE, tina), ask(COURSE, tariq), ask(COURSE, sam))).toEqual([
      200, 200, 403,
    ])
    const mine = await ask('/courses/202/grades/mine', sam)
    expect(await mine.json()).toEqual({ student: 'sam', grade: 'A-' })
    expect(await statuses(ask(MINE, tina), ask('/courses/303/grades/mine', sam))).toEqual([
      403, 403,
    ])
  })

  it("lets a school's administrator act on its courses, and on no others", async () => {
    expect(await statuses(ask(COURSE, ada), ask(SAMS, ada, 'B'))).toEqual([200, 200])
    expect(await statuses(ask('/courses/202/grades', ada))).toEqual([403])
  })

  it('refuses exactly the course that a user is removed from, on a live token', async () => {
    const held = { context: 'course:101', role: 'student' }
    expect(await statuses(ask(MINE, sam))).toEqual([200])
    await operator.remove('sam', held)
    await waitFor(async () => (await ask(MINE, sam)).status === 403)
    expect(await statuses(ask('/courses/202/grades/mine', sam))).toEqual([200])
    await operator.assign('sam', held)
    await waitFor(async () => (await ask(MINE, sam)).status === 200)
  })

  it('ends a temporary elevation by itself', async () => {
    const expires_at = Math.floor(Date.now() / 1_000) + 3
    await operator.assign('tariq', { context: 'course:101', role: 'teacher', expires_at })
    await waitFor(async () => (await ask(SAMS, tariq, 'C')).status === 200)
    await waitFor(async () => (await ask(SAMS, tariq, 'C')).status === 403)
    expect(await statuses(ask(COURSE, tariq))).toEqual([200])
  })

  it('shows a teacher what a student sees, until the token it came from is taken back', async () => {
    const teacher = await operator.signIn('tina')
    const view = { ...teacher, token: await operator.viewAsStudent(teacher.token, '101') }
    expect(await statuses(ask(MINE, view), ask(COURSE, view), ask(SAMS, view, 'A'))).toEqual([
      200, 403, 403,
    ])
    await operator.revoke({ token: teacher.token })
    await waitFor(async () => (await ask(MINE, view)).status === 401)
  })

  it.each(['token', 'session', 'subject'] as const)('refuses a %s taken back', async (level) => {
    const signedIn = await operator.signIn('sam')
    expect((await ask(MINE, signedIn)).status).toBe(200)
    const target = { ...signedIn, subject: 'sam' }
    await operator.revoke({ [level]: target[level] })
    await waitFor(async () => (await ask(MINE, signedIn)).status === 401)
  })
})
