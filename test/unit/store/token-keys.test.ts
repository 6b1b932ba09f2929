/** The key ring: which secrets are accepted, and that everything derived from one is for one purpose only. */
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createHmac } from '../../../store/mint/hmac.ts'
import { createTokenKeyRing } from '../../../store/mint/key-ring.ts'

const secret = randomBytes(32)

describe('the token key ring', () => {
  it('mints with the first key and finds all by id', () => {
    const ring = createTokenKeyRing([
      { id: 'b_', secret },
      { id: 'a-', secret: randomBytes(64) },
    ])
    expect(ring.minting.id).toBe('b_')
    expect(ring.get('a-')?.id).toBe('a-')
    expect(ring.get('zz')).toBeUndefined()
    expect(ring.all.map((key) => key.id)).toEqual(['b_', 'a-'])
  })

  it('refuses no key, a doubled id, a malformed id and a short secret', () => {
    const ring = (...secrets: Parameters<typeof createTokenKeyRing>[0]) =>
      createTokenKeyRing(secrets)
    expect(() => ring()).toThrow(TypeError)
    expect(() => ring({ id: 'k1', secret }, { id: 'k1', secret: randomBytes(32) })).toThrow(
      TypeError,
    )
    for (const id of ['', 'k', 'k12', 'k.', 'k\n', 'ké']) {
      expect(() => ring({ id, secret })).toThrow(TypeError)
    }
    expect(() => ring({ id: 'k1', secret: randomBytes(31) })).toThrow(TypeError)
  })

  it('never says a secret in a refusal', () => {
    const short = Buffer.from('a-short-but-real-secret')
    const refusal = () => createTokenKeyRing([{ id: 'k1', secret: short }])
    expect(refusal).toThrow(expect.not.stringContaining(short.toString()) as unknown as string)
    expect(refusal).toThrow(/32 bytes/)
  })

  it('derives the same from the same secret, and different things from it', () => {
    const [one, two] = [
      createTokenKeyRing([{ id: 'k1', secret }]),
      createTokenKeyRing([{ id: 'k1', secret }]),
    ]
    expect(one.minting.fingerprint).toBe(two.minting.fingerprint)
    expect(one.minting.mac('a')).toBe(two.minting.mac('a'))
    const { mac, seal, mask } = one.minting
    const derived = [seal.export(), Buffer.from(mask, 'latin1'), secret]
    expect(new Set(derived.map((bytes) => bytes.toString('hex'))).size).toBe(3)
    expect(derived.every((bytes) => bytes.length === 32)).toBe(true)
    for (const key of derived) expect(createHmac(key)('a')).not.toBe(mac('a'))
  })

  it('publishes a fingerprint that differs by secret and not by id', () => {
    const print = (id: string, bytes: Uint8Array) =>
      createTokenKeyRing([{ id, secret: bytes }]).minting.fingerprint
    expect(print('k1', secret)).toMatch(/^[A-Za-z0-9_-]{16}$/)
    expect(print('k1', secret)).toBe(print('k2', secret))
    expect(print('k1', secret)).not.toBe(print('k1', randomBytes(32)))
    expect(secret.toString('base64url')).not.toContain(print('k1', secret))
  })
})
