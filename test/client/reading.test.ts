/** What the client makes of what it reads: answers of any RFC 7662 server, frames of any node. */
import { describe, expect, it } from 'vitest'
import { INACTIVE, readAnswer } from '../../client/src/cache/reply.ts'
import { type Requirements, refuse } from '../../client/src/decision.ts'
import { readFrame } from '../../client/src/feed/frames.ts'

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

describe('an answer about roles', () => {
  const answer =
    readAnswer({
      active: true,
      roles: ['staff'],
      context_roles: { 'course:1': ['teacher'], 'school:9': ['admin'] },
      permissions: { '*': ['profile:read'], 'school:9': ['grade:write'] },
    }) ?? INACTIVE
  const course = { context: 'course:2' }
  const isOk = (needs: Requirements) => refuse(answer, needs) === undefined

  it.each<[Requirements, boolean]>([
    [{ ...course, role: 'staff' }, true],
    [{ ...course, role: 'admin' }, false],
    [{ ...course, role: 'admin', parents: ['school:9'] }, true],
    [{ ...course, role: 'admin', parents: ['school:8', 'school:9'] }, true],
    [{ ...course, role: 'admin', parents: ['school:8'] }, false],
    [{ ...course, role: 'admin', parents: [] }, false],
    [{ ...course, permission: 'grade:write', parents: ['school:9'] }, true],
    [{ ...course, permission: 'grade:write' }, false],
    [{ ...course, permission: 'profile:read' }, true],
    [{ role: 'teacher', context: '*' }, false],
    [{ permission: 'profile:read', context: '*' }, true],
    // One may be held here and the other above.
    [
      { context: 'course:1', role: 'teacher', permission: 'grade:write', parents: ['school:9'] },
      true,
    ],
    [{ role: 'constructor', context: '__proto__' }, false],
    [{ role: 'constructor', context: 'course:1', parents: ['__proto__'] }, false],
  ])('decides %j: %j', (needs, expected) => {
    expect(isOk(needs)).toBe(expected)
  })
})

describe('a frame', () => {
  it.each([
    [['course:1'], 'frame'],
    [Array.from({ length: 40 }, (_, n) => `course:${n}`), 'frame'],
    [[], 'frame'],
    [undefined, 'frame'],
    ['course:1', 'malformed'],
    [null, 'malformed'],
    [['course:1', 5], 'malformed'],
  ])('of a role change that names %j is a %s', (contexts, kind) => {
    const event = { type: 'subject', sub: 'a', contexts }
    const frame = { type: 'event', partition: 0, epoch: 'e1', seq: 1, event }
    expect(readFrame(JSON.stringify(frame)).kind).toBe(kind)
  })

  it.each([
    [[], 'frame'],
    [[{ sub: 'a' }, { sub: 'b', contexts: ['course:1'] }], 'frame'],
    [undefined, 'malformed'],
    [{ sub: 'a' }, 'malformed'],
    [['a'], 'malformed'],
    [[{ sub: 'a' }, null], 'malformed'],
    [[{ contexts: ['course:1'] }], 'malformed'],
    [[{ sub: 'a', contexts: 'course:1' }], 'malformed'],
  ])('of several subjects that names %j is a %s', (subjects, kind) => {
    const event = { type: 'subjects', subjects }
    const frame = { type: 'event', partition: 0, epoch: 'e1', seq: 1, event }
    expect(readFrame(JSON.stringify(frame)).kind).toBe(kind)
  })

  it.each(['__proto__', 'constructor', 'hasOwnProperty', 'toString'])(
    'of type %s is one of a later version',
    (type) => {
      expect(readFrame(JSON.stringify({ type }))).toEqual({ kind: 'unknown' })
    },
  )
})
