import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FORM_RULES, type Form, parseForm } from '../../../http/body/form.ts'
import { OAuthError } from '../../../http/errors/oauth-error.ts'

const parse = (text: string): Form => parseForm(Buffer.from(text))
const refusal = (body: string | Buffer): OAuthError => {
  try {
    parseForm(Buffer.from(body as string))
  } catch (error) {
    expect(error).toBeInstanceOf(OAuthError)
    return error as OAuthError
  }
  throw new Error(`accepted: ${String(body)}`)
}

describe('parseForm', () => {
  it('reads the usual introspection body', () => {
    const form = parse('token=abc&token_type_hint=access_token')
    expect([...form.values]).toEqual([
      ['token', 'abc'],
      ['token_type_hint', 'access_token'],
    ])
    expect(form.lists.size).toBe(0)
  })

  it('decodes plus, percent and UTF-8, raw or escaped', () => {
    expect(parse('a=1+2%2B3&%C3%A9=%F0%9F%98%80&b=é=&').values).toEqual(
      new Map([
        ['a', '1 2+3'],
        ['é', '😀'],
        ['b', 'é='],
      ]),
    )
  })

  it('treats an empty parameter as absent', () => {
    const form = parse('scope=&a&resource=&b=1')
    expect(form.values).toEqual(new Map([['b', '1']]))
    expect(form.lists.size).toBe(0)
  })

  it('keeps every copy of a parameter that may repeat, and only there', () => {
    const form = parse('resource=x&audience=a&resource=y')
    expect(form.lists.get('resource')).toEqual(['x', 'y'])
    expect(form.lists.get('audience')).toEqual(['a'])
    expect(form.values.size).toBe(0)
  })

  it.each([
    ['a doubled parameter', 'token=a&token=b'],
    ['a parameter doubled by an empty copy', 'scope=&scope=b'],
    ['a doubled unknown parameter', 'x=1&x=1'],
    ['a parameter doubled in disguise', 'scope=a&%73cope=b'],
    ['a malformed percent sequence', 'a=%zz'],
    ['a cut percent sequence', 'a=%4'],
    ['an escaped byte that is not UTF-8', 'a=%ff'],
    ['an overlong encoding', 'a=%C0%80'],
    ['an encoded surrogate', 'a=%ED%A0%80'],
    ['a NUL', 'a=%00'],
    ['a raw NUL', 'a=\0'],
    ['a malformed name', '%zz=1'],
    ['too many parameters', Array.from({ length: 101 }, (_, i) => `p${i}=1`).join('&')],
  ])('refuses %s', (_what, body) => {
    expect(refusal(body)).toMatchObject({ error: 'invalid_request', status: 400 })
  })

  it('refuses raw bytes that are not UTF-8', () => {
    expect(refusal(Buffer.from([0x61, 0x3d, 0xff])).status).toBe(400)
  })

  it('never refuses a token for being garbage', () => {
    expect(parse('token=%00%ff').values.get('token')).toBe('\0\ufffd')
    expect(parse('token=%zz%').values.get('token')).toBe('%zz%')
  })

  it('never echoes what was sent', () => {
    for (const body of ['secret=hunter2&secret=hunter2', 'hunter2=%zz', 'x=hunter2%zz']) {
      expect(JSON.stringify(refusal(body)) + refusal(body).message).not.toContain('hunter2')
    }
  })

  it('does not take names of the object prototype for parameters', () => {
    expect(parse('__proto__=1&constructor=2').values.get('__proto__')).toBe('1')
    expect(parse('a=1').values.get('constructor')).toBeUndefined()
  })

  it('agrees with URLSearchParams on well-formed input', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((t) => t.isWellFormed() && !t.includes('\0'))
    const unique = fc.uniqueArray(fc.tuple(text, text), {
      selector: ([name]) => name,
      maxLength: 20,
    })
    fc.assert(
      fc.property(unique, (pairs) => {
        const encoded = new URLSearchParams(pairs).toString()
        const form = parse(encoded)
        const ours = [...form.values, ...[...form.lists].map(([name, [value]]) => [name, value])]
        expect(new Map(ours as [string, string][])).toEqual(new Map(new URLSearchParams(encoded)))
      }),
    )
  })

  it('agrees with URLSearchParams on any text it accepts', () => {
    const unit = fc.constantFrom(
      'a',
      'b',
      'token',
      '=',
      '&',
      '+',
      '%',
      '%41',
      '%C3%A9',
      'é',
      '?',
      '#',
      ';',
      ' ',
    )
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 12 }), (parts) => {
        const text = parts.join('')
        let form: Form
        try {
          form = parse(text)
        } catch (error) {
          expect(error).toBeInstanceOf(OAuthError)
          return
        }
        // URLSearchParams drops one leading question mark, which a body never has.
        const theirs = [...new URLSearchParams(text.startsWith('?') ? `?${text}` : text)]
        expect([...form.values]).toEqual(theirs.filter(([, value]) => value !== ''))
      }),
      { numRuns: 2_000 },
    )
  })

  it('throws nothing but its own error on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          parseForm(Buffer.from(bytes), FORM_RULES)
        } catch (error) {
          expect(error).toBeInstanceOf(OAuthError)
        }
      }),
      { numRuns: 1_000 },
    )
  })
})
