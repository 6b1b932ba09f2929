import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bearerChallenge,
  bearerToken,
  insufficientScope,
  invalidToken,
} from '../../../http/auth/bearer.ts'
import { OAuthError, sanitizeDescription } from '../../../http/errors/oauth-error.ts'
import { toOAuthError } from '../../../http/errors/oauth-response.ts'
import { ProblemError } from '../../../http/errors/problem.ts'
import { toProblem } from '../../../http/errors/problem-response.ts'
import { requestIdFrom } from '../../../http/pipeline/request-context.ts'
import { scrubSecrets } from '../../../http/telemetry/scrub.ts'

const TOKEN = `cc_at_${'aB3_-'.repeat(20).slice(0, 68)}`
const storeError = Object.assign(new Error('redis://:pw@h is down'), {
  code: 'ERR_STORE_UNAVAILABLE',
})

describe('error exits', () => {
  it('let a defect leave as fixed words with the request id', () => {
    const oauth = toOAuthError(new Error('boom secret'), 'req-1')
    expect([oauth.error, oauth.status, oauth.description]).toEqual([
      'server_error',
      500,
      'an internal error occurred; request id req-1',
    ])
    const problem = toProblem(new Error('boom secret'))
    expect([problem.slug, problem.status]).toEqual(['internal-error', 500])
    expect(problem.detail).not.toContain('boom')
  })

  it.each([
    storeError,
    { retryable: true },
    Object.assign(new Error(), { name: 'StoreUnavailableError' }),
    Object.assign(new Error('redis'), { code: 'ERR_STORE_BUSY' }),
  ])('let the store being away or busy leave as 503 with Retry-After', (error) => {
    for (const out of [toOAuthError(error, 'r'), toProblem(error)]) {
      expect(out.status).toBe(503)
      expect(out.headers['Retry-After']).toBe('1')
      expect(out.message).not.toContain('redis')
    }
    expect(toOAuthError(error, 'r').error).toBe('temporarily_unavailable')
  })

  it('give thrown things that are no errors the same 500', () => {
    for (const thrown of [undefined, null, 'text', 7, Object.create(null)]) {
      expect(toOAuthError(thrown, 'r').status).toBe(500)
      expect(toProblem(thrown).status).toBe(500)
    }
  })

  it('translate each style into the other', () => {
    expect(toProblem(invalidToken()).slug).toBe('unauthorized')
    expect(toProblem(insufficientScope('claimcheck:issue')).slug).toBe('forbidden')
    expect(toProblem(new OAuthError('invalid_request', 'x', { status: 413 })).slug).toBe(
      'payload-too-large',
    )
    expect(toProblem(new OAuthError('invalid_request', 'x')).slug).toBe('invalid-request')
    const conflict = toOAuthError(new ProblemError('conflict', 'x'), 'r')
    expect([conflict.error, conflict.status]).toEqual(['invalid_request', 409])
  })

  it('respect the status of a client error made by other middleware, and not its words', () => {
    const error = Object.assign(new Error('echo'), { expose: true, status: 404 })
    expect(toProblem(error)).toMatchObject({ slug: 'not-found' })
    expect(toOAuthError(error, 'r')).toMatchObject({ status: 404 })
    expect(toOAuthError(error, 'r').description).not.toContain('echo')
  })
})

describe('sanitizeDescription', () => {
  it('leaves only what RFC 6749 §5.2 allows', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(sanitizeDescription(text)).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]{0,300}$/)
      }),
    )
    expect(sanitizeDescription('a"b\\c\r\né')).toBe("a'b?c???")
  })
})

describe('bearer', () => {
  const token = (value?: string) =>
    bearerToken(
      value === undefined
        ? { headers: {}, rawHeaders: [] }
        : { headers: { authorization: value }, rawHeaders: ['authorization', value] },
    )
  const refusal = (value?: string) => {
    try {
      token(value)
    } catch (error) {
      expect(error).toBeInstanceOf(OAuthError)
      return error as OAuthError
    }
    throw new Error('accepted')
  }

  it('reads the scheme in any case', () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER'])
      expect(token(`${scheme} ${TOKEN}`)).toBe(TOKEN)
  })

  it('challenges without an error code when there is no bearer token (RFC 6750 §3.1)', () => {
    for (const value of [undefined, 'Basic YTpi', 'Bearertoken']) {
      const error = refusal(value)
      expect(error.status).toBe(401)
      expect(error.headers['WWW-Authenticate']).toBe('Bearer realm="claimcheck"')
    }
  })

  it('answers 400 to a malformed token', () => {
    for (const value of ['Bearer', 'Bearer a b', 'Bearer a,b', 'Bearer é', 'Bearer =']) {
      const error = refusal(value)
      expect([error.error, error.status]).toEqual(['invalid_request', 400])
      expect(error.headers['WWW-Authenticate']).toContain('error="invalid_request"')
    }
  })

  it('answers 400 to two headers', () => {
    const headers = { authorization: 'Bearer a' }
    const rawHeaders = ['Authorization', 'Bearer a', 'authorization', 'Bearer b']
    expect(() => bearerToken({ headers, rawHeaders })).toThrow(OAuthError)
  })

  it('builds challenges that cannot be broken out of', () => {
    expect(bearerChallenge({ error: 'insufficient_scope', scope: 'a"\r\nSet-Cookie: x' })).toBe(
      `Bearer realm="claimcheck", error="insufficient_scope", scope="a'??Set-Cookie: x"`,
    )
  })

  it('throws nothing but its own error on random headers', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const value of [text, `Bearer ${text}`]) {
          try {
            token(value)
          } catch (error) {
            expect(error).toBeInstanceOf(OAuthError)
          }
        }
      }),
    )
  })
})

describe('scrubSecrets', () => {
  it('cuts tokens and credentials down to their kind, wherever they stand', () => {
    expect(scrubSecrets(`x${TOKEN}y ${TOKEN.replace('at', 'rt')}`)).toBe('xcc_at_…y cc_rt_…')
    expect(scrubSecrets('authorization: Basic dXNlcjpwYXNzd29yZA== end')).toBe(
      'authorization: Basic … end',
    )
    expect(scrubSecrets('a plain line about Basic authentication')).toBe(
      'a plain line about Basic authentication',
    )
  })
})

describe('requestIdFrom', () => {
  it('takes over a harmless id and replaces any other', () => {
    expect(requestIdFrom('abc.DEF_1-2')).toBe('abc.DEF_1-2')
    for (const bad of [undefined, '', 'a b', 'a\nb', 'x'.repeat(65), TOKEN, ['a', 'b']]) {
      expect(requestIdFrom(bad)).toMatch(/^[0-9a-f-]{36}$/)
    }
  })
})
