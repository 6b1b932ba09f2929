/** Records: whatever a value holds, short of a line break, comes back as it was. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Authorization,
  decodeGrant,
  decodeGrantedToken,
  decodeOwnToken,
  encodeAuthorization,
  type Login,
  splitList,
} from '../../../store/grants/records.ts'

const HOSTILE = ['', '\r', '\u2028', '\0', '"', '\\', '{}', 'a|b', '\t', '__proto__', '\ud800']

const value = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', '')),
)
const resource = value.map((text) => `https://r.test/${text.replaceAll(' ', '')}`)
const login: fc.Arbitrary<Login> = fc.record(
  { acr: fc.string(), amr: fc.array(fc.string()), auth_time: fc.nat() },
  { requiredKeys: [] },
)
const authorization: fc.Arbitrary<Authorization> = fc.record({
  sub: value,
  clientId: value,
  session: value,
  scope: value,
  aud: fc.array(resource, { maxLength: 4 }),
  login,
})
const issuedUs = fc.integer({ min: 0, max: 4e15 })
const lifetime = fc.nat(86_400)

describe('records', () => {
  it('of a token that is a grant of its own come back as they were', () => {
    fc.assert(
      fc.property(authorization, issuedUs, lifetime, (authorized, issued, seconds) => {
        const record = `${issued}\n${seconds}\n${encodeAuthorization(authorized)}`
        expect(decodeOwnToken(record)).toEqual({
          issuedAtUs: issued,
          expiresAt: Math.floor(issued / 1e6) + seconds,
          authorization: normal(authorized),
        })
      }),
    )
  })

  it('of a grant and its tokens come back as they were', () => {
    fc.assert(
      fc.property(authorization, issuedUs, issuedUs, lifetime, (authorized, granted, us, s) => {
        const grant = `${encodeAuthorization(authorized)}\n${granted}\n4711\nhash\n${us}`
        expect(decodeGrant(grant)).toEqual({
          authorization: normal(authorized),
          issuedAtUs: granted,
          expiresAt: 4711,
          refreshHash: 'hash',
          refreshedAtUs: us,
        })
        expect(decodeGrantedToken(`${us}\n${s}`, grant)).toEqual({
          issuedAtUs: us,
          expiresAt: Math.floor(us / 1e6) + s,
          authorization: normal(authorized),
        })
      }),
    )
  })

  it('of a narrowed token carry its own scope and aud', () => {
    const narrow = fc.record({ scope: value, aud: fc.array(resource, { maxLength: 3 }) })
    fc.assert(
      fc.property(authorization, narrow, (authorized, { scope, aud }) => {
        const grant = `${encodeAuthorization(authorized)}\n1\n2\nhash\n3`
        const token = `1\n2\n${scope}\n${aud.join(' ')}`
        expect(decodeGrantedToken(token, grant).authorization).toEqual({
          ...normal(authorized),
          scope,
          aud,
        })
      }),
    )
  })

  it('know the empty list', () => {
    expect(splitList('')).toEqual([])
    expect(splitList('a b')).toEqual(['a', 'b'])
  })
})

/** JSON writes what it cannot hold (a lone surrogate) as an escape, and drops nothing else of a login. */
function normal(authorized: Authorization): Authorization {
  return { ...authorized, login: JSON.parse(JSON.stringify(authorized.login)) as Login }
}
