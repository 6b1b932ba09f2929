/** Middleware whose verdict comes after another handler has answered, or whose next handler throws. */
import { describe, expect, it } from 'vitest'
import {
  type ExpressResponse,
  protect as protectExpress,
} from '../../../client/src/middleware/express.ts'
import { protect as protectFastify } from '../../../client/src/middleware/fastify.ts'
import type { Authorizer } from '../../../client/src/middleware/guard.ts'

const request = { headers: { authorization: 'Bearer abc' }, rawHeaders: [] }

function authorizer(ok: boolean): Authorizer {
  const decision = ok
    ? { ok, claims: {} }
    : { ok, status: 401, error: 'invalid_token', wwwAuthenticate: 'Bearer' }
  return { authorize: async () => decision } as unknown as Authorizer
}

/** A response that was answered already, and complains like Node's. */
const answered: ExpressResponse = {
  statusCode: 503,
  headersSent: true,
  setHeader: () => {
    throw new Error('ERR_HTTP_HEADERS_SENT')
  },
  end: () => undefined,
}

describe('Express', () => {
  it('leaves a response alone that has been sent', async () => {
    const nexts: unknown[] = []
    protectExpress(authorizer(false))(request, answered, (error) => nexts.push(error))
    await new Promise(setImmediate)
    expect([nexts, answered.statusCode]).toEqual([[], 503])
  })

  it.each([true, false])('hands on what is thrown on the way (%j)', async (ok) => {
    const errors: unknown[] = []
    const response = { ...answered, headersSent: false }
    protectExpress(authorizer(ok))({ ...request }, response, (error) => {
      if (error === undefined) throw new Error('the handler failed')
      errors.push(error)
    })
    await new Promise(setImmediate)
    expect(errors).toEqual([expect.any(Error)])
  })
})

describe('Fastify', () => {
  it('leaves a reply alone that has been sent', async () => {
    const calls: string[] = []
    const reply = {
      sent: true,
      code: () => calls.push('code'),
      headers: () => calls.push('headers'),
      send: () => calls.push('send'),
    }
    await protectFastify(authorizer(false))({ headers: request.headers, raw: request }, reply)
    expect(calls).toEqual([])
  })
})
