/** The outer shape of a token, for those who may not look inside. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isTokenShaped, TOKEN_BODY_LENGTH, TOKEN_PATTERN } from '../../../client/src/wire/index.ts'

const BODY = 'aZ0_-'.repeat(14).slice(0, TOKEN_BODY_LENGTH)

describe('the shape of a token', () => {
  it('is a prefix by kind and 68 URL-safe characters', () => {
    expect(TOKEN_BODY_LENGTH).toBe(68)
    expect(isTokenShaped(`cc_at_${BODY}`)).toBe(true)
    expect(isTokenShaped(`cc_rt_${BODY}`)).toBe(true)
  })

  it.each([
    '',
    `cc_xt_${BODY}`,
    `cc_at${BODY}`,
    `CC_AT_${BODY}`,
    `cc_at_${BODY}A`,
    `cc_at_${BODY.slice(1)}`,
    ` cc_at_${BODY}`,
    `cc_at_${BODY}\n`,
    `cc_at_${BODY.slice(1)}.`,
    `cc_at_${BODY.slice(1)}=`,
    `cc_at_${BODY.slice(1)}é`,
  ])('is not %j', (text) => {
    expect(isTokenShaped(text)).toBe(false)
  })

  it('is found inside any text', () => {
    const body = fc
      .array(fc.constantFrom(...'AZaz09-_'), { minLength: 68, maxLength: 68 })
      .map((characters) => characters.join(''))
    fc.assert(
      fc.property(body, fc.constantFrom('', 'token=', '"', '\n'), (text, before) => {
        expect(TOKEN_PATTERN.exec(`${before}cc_at_${text}"`)?.[0]).toBe(`cc_at_${text}`)
      }),
    )
  })

  it('keeps no state between two searches', () => {
    expect(TOKEN_PATTERN.flags).toBe('')
  })
})
