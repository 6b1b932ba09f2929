/** The example, as its README tells the story. */
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
import { startRedis, type TestRedis } from '../../redis-server.ts'
import { startServices, type TestServices } from '../../services.ts'
import { registerWorld } from '../../system/world.ts'
import { waitFor } from '../../wait-for.ts'

let redis: TestRedis
let services: TestServices
let claims: Client
let server: Server
let operator: Operator
let tina: SignedIn
let tariq: SignedIn
let sam: SignedIn

beforeAll(async () => {
  redis = await startRedis()
  services = await startServices({ redisUrl: redis.url })
  const { grades } = await registerWorld(services)
  const { issuer, admin } = services
  claims = createClient({
    issuer,
    clientId: grades.client_id,
    clientSecret: grades.client_secret,
  })
  operator = await createOperator({ issuer, clients: { admin, 'grades-api': grades } })
  tina = await operator.signIn('tina')
  tariq = await operator.signIn('tariq')
  sam = await operator.signIn('sam')
  server = createServer(createGradeBook(claims) as RequestListener).listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterAll(async () => {
  claims?.close()
  server?.closeAllConnections()
  server?.close()
  await services?.close()
  await redis?.stop()
})

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

const SAMS = '/courses/course-101/grades/sam'

describe('the grade book', () => {
  it('lets the teacher write, and nobody else', async () => {
    const answers = [
      await ask(SAMS, tina, 'A'),
      await ask(SAMS, tariq, 'F'),
      await ask(SAMS, sam, 'A+'),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 403, 403])
    expect((await ask(SAMS, tina, 'excellent')).status).toBe(422)
    const course = await ask('/courses/course-101/grades', tariq)
    expect(await course.json()).toEqual({ sam: 'A' })
  })

  it('shows people their own grades', async () => {
    const mine = await ask('/courses/course-202/grades/mine', sam)
    expect(await mine.json()).toEqual({ student: 'sam', grade: 'A-' })
    const none = await ask('/courses/unknown/grades/mine', sam)
    expect(await none.json()).toEqual({ student: 'sam', grade: null })
  })

  it.each(['token', 'session', 'subject'] as const)('refuses a %s taken back', async (level) => {
    const signedIn = await operator.signIn('sam')
    const path = '/courses/course-101/grades/mine'
    expect((await ask(path, signedIn)).status).toBe(200)
    const target = { ...signedIn, subject: 'sam' }
    await operator.revoke({ [level]: target[level] })
    await waitFor(async () => (await ask(path, signedIn)).status === 401)
  })
})
