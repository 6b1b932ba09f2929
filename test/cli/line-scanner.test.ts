/** Cutting bytes of any encoding into numbered lines, within bounded memory. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLineScanner, type ScannedLine } from '../../cli/src/input/line-scanner.ts'

const MAX = 64

function scan(bytes: Uint8Array, pieceLength = bytes.length || 1): ScannedLine[] {
  const scanner = createLineScanner(MAX)
  const lines: ScannedLine[] = []
  for (let at = 0; at < bytes.length; at += pieceLength) {
    lines.push(...scanner.push(bytes.subarray(at, at + pieceLength)))
  }
  return [...lines, ...scanner.end()]
}

const told = (lines: readonly ScannedLine[]) =>
  lines.map(({ number, text, problem }) => `${number}:${text ?? problem}`)

describe('a line scanner', () => {
  const text = 'eins\r\n\r\nzwei ü\n  \ndrei'
  it.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a mark', Buffer.from(`\ufeff${text}`)],
    ['UTF-16 LE', Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['UTF-16 BE', Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
  ])('numbers the lines of %s, cut anywhere', (_encoding, bytes) => {
    for (const pieceLength of [1, 2, 3, 5, bytes.length]) {
      expect(told(scan(bytes, pieceLength))).toEqual(['1:eins', '3:zwei ü', '5:drei'])
    }
  })

  it('does not take half a character of UTF-16 for a line end', () => {
    // U+0A00 and U+000A side by side, in both orders.
    const bytes = Buffer.from('\ufeffਁ\u010a\nb', 'utf16le')
    expect(told(scan(bytes, 1))).toEqual(['1:ਁ\u010a', '2:b'])
  })

  it('tells a line that is too long once and goes on behind it', () => {
    const bytes = Buffer.from(`a\n${'x'.repeat(1_000)}\nb\n${'y'.repeat(65)}`)
    for (const pieceLength of [1, 10, 63, 64, 65, 2_000]) {
      expect(told(scan(bytes, pieceLength))).toEqual(['1:a', '2:too-long', '3:b', '4:too-long'])
    }
  })

  it('tells a line that is no Unicode', () => {
    const bytes = Buffer.from([0x61, 0x0a, 0xff, 0xfe, 0x80, 0x0a, 0x62])
    expect(told(scan(bytes))).toEqual(['1:a', '2:not-unicode', '3:b'])
  })

  it('reads very short and empty files', () => {
    expect(told(scan(Buffer.from('')))).toEqual([])
    expect(told(scan(Buffer.from('a')))).toEqual(['1:a'])
    expect(told(scan(Buffer.from('\n')))).toEqual([])
    expect(told(scan(Buffer.from('a\nb')))).toEqual(['1:a', '2:b'])
  })

  it('tells the bytes up to behind each line', () => {
    expect(scan(Buffer.from('ab\r\nc\nd')).map(({ end }) => end)).toEqual([4, 6, 7])
    expect(scan(Buffer.from('ab\r\nc\nd'), 1).map(({ end }) => end)).toEqual([4, 6, 7])
  })

  it('agrees with splitting the whole text', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ maxLength: 20, unit: fc.constantFrom('a', 'ü', '漢', '\r', '\n', ' ') }),
        ),
        fc.integer({ min: 1, max: 50 }),
        (parts, pieceLength) => {
          const whole = parts.join('')
          const expected = whole
            .split('\n')
            .map((line, index) => `${index + 1}:${line.trim()}`)
            .filter((line) => !line.endsWith(':'))
          const lines = scan(Buffer.from(whole), pieceLength)
          expect(told(lines.filter(({ problem }) => problem === undefined))).toEqual(
            expected.filter(
              (line) =>
                lines.find((one) => line.startsWith(`${one.number}:`))?.problem === undefined,
            ),
          )
        },
      ),
    )
  })
})
