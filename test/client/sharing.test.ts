/** What many answers have in common is kept once; what they have not is not mixed up. */
import { describe, expect, it } from 'vitest'
import { readAnswer } from '../../client/src/cache/reply.ts'
import { createSharing } from '../../client/src/cache/sharing.ts'
import type { ActiveToken } from '../../client/src/wire/index.ts'
import { activeAnswer } from './scripted-server.ts'

const ROLES = {
  roles: ['staff'],
  context_roles: { 'course:1': ['teacher'] },
  permissions: { 'course:1': ['grade:read'] },
}

describe('answers with something in common', () => {
  it('hold one of it, and are what they were', () => {
    const sharing = createSharing(10)
    const [one, other] = ['a', 'b'].map(
      (name) => readAnswer(activeAnswer(name, structuredClone(ROLES)), sharing) as ActiveToken,
    ) as [ActiveToken, ActiveToken]
    expect(one).toEqual(activeAnswer('a', ROLES))
    expect(other).toEqual(activeAnswer('b', ROLES))
    expect(other.aud).toBe(one.aud)
    expect(other.context_roles).toBe(one.context_roles)
    expect(Object.isFrozen(one.context_roles?.['course:1'])).toBe(true)
  })

  it('share the lists of what is too long to be shared', () => {
    const sharing = createSharing(10)
    const many = (first: number) =>
      Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`course:${first + n}`, ['teacher']]))
    const [one, other] = [0, 50].map((first) =>
      readAnswer(activeAnswer('a', { context_roles: many(first) }), sharing),
    ) as [ActiveToken, ActiveToken]
    expect(one.context_roles).toEqual(many(0))
    expect(other.context_roles?.['course:50']).toBe(one.context_roles?.['course:0'])
    expect(Object.isFrozen(one.context_roles)).toBe(true)
  })

  it('do not take a text for a list, or one order of names for another', () => {
    const { share } = createSharing(10)
    expect(share(['a'])).toEqual(['a'])
    expect(share('["a"]')).toBe('["a"]')
    expect(Object.keys(share({ a: 1, b: 2 }) as object)).toEqual(['a', 'b'])
    expect(Object.keys(share({ b: 2, a: 1 }) as object)).toEqual(['b', 'a'])
  })
})

it('remembers two generations at most, and those in use for good', () => {
  const { share } = createSharing(4)
  const first = share(['kept'])
  for (let n = 0; n < 100; n++) {
    share([`passing ${n}`])
    expect(share(['kept'])).toBe(first)
  }
  const once = share(['gone'])
  for (let n = 0; n < 10; n++) share([`other ${n}`])
  expect(share(['gone'])).not.toBe(once)
})
