import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashSecret, presentedCredentials } from '../../../http/auth/client-credentials.ts'
import { parseForm } from '../../../http/body/form.ts'
import { OAuthError } from '../../../http/errors/oauth-error.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url')
const basic = (text: string | Buffer) => `Basic ${Buffer.from(text as string).toString('base64')}`
const formEncode = (text: string) => new URLSearchParams({ v: text }).toString().slice(2)

function present(authorization: string | undefined, body = '', raw?: readonly string[]) {
  const headers = authorization === undefined ? {} : { authorization }
  const rawHeaders = raw ?? (authorization === undefined ? [] : ['Authorization', authorization])
  return presentedCredentials(
    { headers, rawHeaders: [...rawHeaders] },
    parseForm(Buffer.from(body)),
  )
}
function refusal(authorization: string | undefined, body?: string, raw?: readonly string[]) {
  try {
    present(authorization, body, raw)
  } catch (error) {
    expect(error).toBeInstanceOf(OAuthError)
    return error as OAuthError
  }
  throw new Error('accepted')
}

describe('presentedCredentials', () => {
  it('tells the methods apart', () => {
    const secretHash = sha256('s')
    expect(present(undefined)).toEqual({ kind: 'none' })
    expect(present(undefined, 'client_id=a')).toEqual({ kind: 'client-id', clientId: 'a' })
    expect(present(undefined, 'client_id=a&client_secret=s')).toEqual({
      kind: 'post',
      clientId: 'a',
      secretHash,
    })
    expect(present(basic('a:s'))).toEqual({ kind: 'basic', clientId: 'a', secretHash })
    expect(present('bEARER  abc.-_~+/==')).toEqual({ kind: 'bearer', token: 'abc.-_~+/==' })
  })

  it('form-decodes each half of Basic and splits at the first colon only (RFC 6749 §2.3.1)', () => {
    const [id, secret] = ['a:b c+%', 'p+q:r é']
    const header = basic(`${formEncode(id as string)}:${formEncode(secret as string)}`)
    expect(present(header)).toEqual({
      kind: 'basic',
      clientId: id,
      secretHash: sha256(secret as string),
    })
    expect(present(basic('a:b:c'))).toMatchObject({ clientId: 'a', secretHash: sha256('b:c') })
  })

  it('remembers a header and reads it the same again', () => {
    const header = basic('again:secret')
    const first = present(header)
    expect(present(header)).toBe(first)
    expect(present(header, 'client_id=again')).toBe(first)
    expect(refusal(header, 'client_id=other').error).toBe('invalid_request')
    expect(refusal(header, 'client_secret=x').error).toBe('invalid_request')
  })

  it('does not grow with made-up headers', () => {
    const first = present(basic('first:secret'))
    for (let i = 0; i < 1_001; i++) present(basic(`flood${i}:x`))
    const again = present(basic('first:secret'))
    expect(again).not.toBe(first)
    expect(again).toEqual(first)
  })

  it.each([
    ['no base64', 'Basic !!!!'],
    ['bad padding', 'Basic YTp'],
    ['base64url', `Basic ${Buffer.from('a:\u00ff\u00fe\u00fb?>').toString('base64url')}`],
    ['nothing', 'Basic'],
    ['no colon', basic('abc')],
    ['an empty id', basic(':secret')],
    ['a malformed percent sequence', basic('%zz:x')],
    ['a percent sequence that is not UTF-8', basic('a:%ff')],
    ['bytes that are not UTF-8', basic(Buffer.from([0x61, 0x3a, 0xff]))],
    ['a NUL', basic('a:%00')],
    ['a control character in the id', basic('a%0a:s')],
    ['an overlong id', basic(`${'a'.repeat(257)}:s`)],
    ['another scheme', 'Digest username="a"'],
    ['an empty header', ''],
  ])('answers invalid_client to %s', (_what, header) => {
    const error = refusal(header)
    expect(error).toMatchObject({ error: 'invalid_client', status: 401 })
    expect(error.headers['WWW-Authenticate']).toBe('Basic realm="claimcheck"')
  })

  it.each([
    ['Basic and a body secret (X1)', basic('a:s'), 'client_id=a&client_secret=s'],
    ['Basic and another client_id', basic('a:s'), 'client_id=b'],
    ['a bearer token and a body secret', 'Bearer abc', 'client_id=a&client_secret=s'],
    ['a body secret without a client_id', undefined, 'client_secret=s'],
    ['a malformed bearer token', 'Bearer a b', ''],
    ['an empty bearer token', 'Bearer', ''],
  ])('answers invalid_request to %s', (_what, header, body) => {
    expect(refusal(header, body)).toMatchObject({ error: 'invalid_request', status: 400 })
  })

  it('refuses two Authorization headers, even equal ones', () => {
    const header = basic('a:s')
    const raw = ['Authorization', header, 'Host', 'x', 'AUTHORIZATION', header]
    expect(refusal(header, '', raw)).toMatchObject({ error: 'invalid_request', status: 400 })
  })

  it('answers invalid_client to a client assertion, alone or not (X1)', () => {
    expect(refusal(undefined, 'client_assertion=x').error).toBe('invalid_client')
    expect(refusal(basic('a:s'), 'client_assertion_type=x').error).toBe('invalid_client')
  })

  it('holds a hash and never the secret', () => {
    const secret = 'very-secret-value'
    for (const presented of [
      present(basic(`a:${secret}`)),
      present(undefined, `client_id=a&client_secret=${secret}`),
    ]) {
      expect(JSON.stringify(presented)).not.toContain(secret)
      expect(JSON.stringify(presented)).toContain(hashSecret(secret))
    }
  })

  it('reads back whatever a client encodes as the RFC says', () => {
    const id = fc.string({ minLength: 1, maxLength: 60 })
    const secret = fc
      .string({ unit: 'grapheme' })
      .filter((t) => t.isWellFormed() && !t.includes('\0'))
    fc.assert(
      fc.property(id, secret, (clientId, text) => {
        const header = basic(`${formEncode(clientId)}:${formEncode(text)}`)
        expect(present(header)).toEqual({ kind: 'basic', clientId, secretHash: sha256(text) })
      }),
    )
  })

  it('throws nothing but its own error on random headers', () => {
    const bytes = fc.uint8Array({ maxLength: 60 }).map((b) => Buffer.from(b))
    const header = fc.oneof(
      fc.string(),
      bytes.map((b) => b.toString('latin1')),
      bytes.map((b) => `Basic ${b.toString('base64')}`),
      bytes.map((b) => `Basic ${b.toString('latin1')}`),
      bytes.map((b) => `Bearer ${b.toString('latin1')}`),
      fc.string().map((text) => basic(text)),
    )
    fc.assert(
      fc.property(header, (value) => {
        try {
          present(value)
        } catch (error) {
          expect(error).toBeInstanceOf(OAuthError)
        }
      }),
      { numRuns: 1_000 },
    )
  })
})
