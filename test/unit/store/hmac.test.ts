import { createHmac as platformHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createHmac } from '../../../store/mint/hmac.ts'

const ascii = fc.string({ unit: 'binary-ascii', maxLength: 200 })

describe('HMAC of a text', () => {
  it('is that of the platform, whatever was hashed before', () => {
    const keys = fc.uint8Array({ minLength: 1, maxLength: 64 })
    fc.assert(
      fc.property(keys, fc.array(ascii, { minLength: 1, maxLength: 5 }), (key, texts) => {
        const hmac = createHmac(key)
        for (const text of texts) {
          expect(hmac(text)).toBe(platformHmac('sha256', key).update(text).digest('base64url'))
        }
      }),
    )
  })

  it('takes no key that would have to be hashed first', () => {
    expect(() => createHmac(new Uint8Array(65))).toThrow(RangeError)
  })
})
