/** Finding tokens in bytes of any kind, wherever the pieces are cut. */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRecentTokens, createTokenScanner } from '../../cli/src/input/token-scanner.ts'

const token = (kind = 'at') => `cc_${kind}_${randomBytes(51).toString('base64url')}`

function scan(bytes: Uint8Array, pieceLength = bytes.length || 1): string[] {
  const scanner = createTokenScanner()
  const found: string[] = []
  for (let at = 0; at < bytes.length; at += pieceLength) {
    found.push(...scanner(bytes.subarray(at, at + pieceLength)).map((one) => one.token))
  }
  return found
}

const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16()

describe('a token scanner', () => {
  it.each([
    ['JSON', (t: string) => Buffer.from(`{"access_token":"${t}","x":1}`)],
    ['a header', (t: string) => Buffer.from(`Authorization: Bearer ${t}\r\n`)],
    ['a query', (t: string) => Buffer.from(`GET /x?token=${t}&y=1`)],
    ['text without a line end', (t: string) => Buffer.from(t)],
    ['UTF-16 LE', (t: string) => Buffer.from(`\ufeffü ${t} ü`, 'utf16le')],
    ['UTF-16 BE', (t: string) => utf16be(`\ufeffü ${t} ü`)],
    ['UTF-16 LE to the last byte', (t: string) => Buffer.from(t, 'utf16le')],
    ['UTF-16 BE to the last byte', (t: string) => utf16be(t)],
    [
      'binary',
      (t: string) => Buffer.concat([randomBytes(99), Buffer.from(t), Buffer.from([0, 255])]),
    ],
    ['what looks like its beginning', (t: string) => Buffer.from(`cc_at_cc_rt_${t}`)],
    ['a longer word', (t: string) => Buffer.from(`x${t}yz`)],
  ])('finds one in %s, cut anywhere', (_where, hide) => {
    const hidden = token()
    const bytes = hide(hidden)
    for (const pieceLength of [1, 7, 64, bytes.length]) {
      expect(scan(bytes, pieceLength)).toContain(hidden)
    }
  })

  it('finds each occurrence once, in order, whatever the cuts', () => {
    const narrow = fc.string({ maxLength: 30 }).map((text) => Buffer.from(text))
    const hidden = fc.constantFrom(false, true).map((isWide) => {
      const text = token(isWide ? 'rt' : 'at')
      return { text, bytes: Buffer.from(text, isWide ? 'utf16le' : 'latin1') }
    })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(narrow, hidden), { maxLength: 5 }),
        fc.integer({ min: 1, max: 200 }),
        (parts, pieceLength) => {
          // A space keeps a token from running on into what follows.
          const gap = Buffer.from('  ')
          const bytes = Buffer.concat(parts.flatMap(([text, { bytes }]) => [text, gap, bytes, gap]))
          expect(scan(bytes, pieceLength)).toEqual(parts.map(([, { text }]) => text))
        },
      ),
    )
  })

  it('tells where each ends', () => {
    const bytes = Buffer.from(`ab ${token()} ${token()}\n`)
    const scanner = createTokenScanner()
    const found = [...scanner(bytes.subarray(0, 50)), ...scanner(bytes.subarray(50))]
    expect(found.map(({ end }) => end)).toEqual([77, 152])
  })

  it('finds none where none is', () => {
    expect(scan(Buffer.from('cc_at_short cc_xt_ cc_at_'.repeat(50)))).toEqual([])
    expect(scan(Buffer.alloc(100_000))).toEqual([])
    expect(scan(Buffer.alloc(0))).toEqual([])
  })
})

describe('the memory of tokens', () => {
  it('knows the recent ones and stays bounded', () => {
    const isKnown = createRecentTokens(10)
    const tokens = Array.from({ length: 20 }, () => token())
    expect(tokens.map(isKnown)).toEqual(tokens.map(() => false))
    expect(isKnown(tokens.at(-1) as string)).toBe(true)
    expect(isKnown(tokens[0] as string)).toBe(false)
  })
})
