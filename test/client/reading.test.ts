/** What the client makes of what it reads: answers of any RFC 7662 server, frames of any node. */
import { describe, expect, it } from 'vitest'
import { refuse } from '../../client/src/decision.ts'
import { readFrame } from '../../client/src/frames.ts'
import { INACTIVE, readAnswer } from '../../client/src/reply.ts'

describe('an answer', () => {
  it.each([
    [undefined, []],
    ['https://a.test', ['https://a.test']],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
  ])('whose aud is %j is for %j', (aud, expected) => {
    expect(readAnswer({ active: true, ...(aud === undefined ? {} : { aud }) })).toMatchObject({
      aud: expected,
    })
  })

  it.each([
    { aud: 5 },
    { aud: null },
    { aud: ['a', 5] },
    { aud: { a: 1 } },
    { scope: ['read'] },
    { scope: null },
    { exp: '5' },
    { exp: Number.POSITIVE_INFINITY },
  ])('that says %j is none', (more) => {
    expect(readAnswer({ active: true, ...more })).toBeUndefined()
  })

  it('is for an audience only if it names the whole of it', () => {
    const answer = readAnswer({ active: true, aud: 'https://a.test/api' }) ?? INACTIVE
    expect(refuse(answer, { audience: 'https://a.test/api' })).toBeUndefined()
    expect(refuse(answer, { audience: 'https://a.test' })).toMatchObject({ status: 401 })
    expect(refuse(answer, { audience: 'api' })).toMatchObject({ status: 401 })
    expect(refuse(readAnswer({ active: true }) ?? INACTIVE, { audience: 'a' })).toMatchObject({
      status: 401,
    })
  })
})

describe('a frame', () => {
  it.each(['__proto__', 'constructor', 'hasOwnProperty', 'toString'])(
    'of type %s is one of a later version',
    (type) => {
      expect(readFrame(JSON.stringify({ type }))).toEqual({ kind: 'unknown' })
    },
  )
})
