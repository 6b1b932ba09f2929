import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLineSplitter } from '../../../issuer/admin/lines/line-splitter.ts'

const MAX = 8
const BYTE_ORDER_MARK = Buffer.from('\ufeff')

function split(chunks: readonly Buffer[]): string[] {
  const splitter = createLineSplitter(MAX)
  const lines = chunks.flatMap((chunk) => splitter.push(chunk))
  return [...lines, ...splitter.end()].map((line) =>
    line === 'too-long' ? line : line.toString('latin1'),
  )
}

const whole = (text: string) => split([Buffer.from(text, 'latin1')])

/** The rules, for one who has the whole body at once. */
function expected(body: Buffer): string[] {
  const isMarked = body.subarray(0, 3).equals(BYTE_ORDER_MARK)
  const lines = (isMarked ? body.subarray(3) : body).toString('latin1').split('\n')
  // A mark alone is a line too: an empty one.
  if (lines.at(-1) === '' && !(isMarked && lines.length === 1)) lines.pop()
  return lines
    .map((line) => line.replace(/\r$/, ''))
    .map((line) => (line.length > MAX ? 'too-long' : line))
}

describe('lines', () => {
  it.each([
    ['end in LF', 'a\nb\n', ['a', 'b']],
    ['end in CRLF', 'a\r\nb\r\n', ['a', 'b']],
    ['may lack the last end', 'a\nb', ['a', 'b']],
    ['may be empty', '\n\r\n\n', ['', '', '']],
    ['keep a CR that is not at the end', 'a\rb\n', ['a\rb']],
    [
      'may have the longest length, whatever ends them',
      '12345678\n12345678\r\n',
      ['12345678', '12345678'],
    ],
    ['that are too long are named, and the next one is read', '123456789\nx\n', ['too-long', 'x']],
    ['that are too long may be the last', `${'x'.repeat(1_000)}`, ['too-long']],
    ['are none in an empty body', '', []],
  ])('%s', (_what, body, lines) => {
    expect(whole(body)).toEqual(lines)
  })

  it('come after a byte order mark, once', () => {
    const marked = Buffer.concat([BYTE_ORDER_MARK, Buffer.from('12345678\r\n'), BYTE_ORDER_MARK])
    expect(split([marked])).toEqual(['12345678', '\u00ef\u00bb\u00bf'])
  })

  it('are the same wherever the body was cut', () => {
    const part = fc.constantFrom('\n', '\r\n', '\r', 'a', '1234567', '12345678', '123456789')
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 30 }),
        fc.boolean(),
        fc.array(fc.nat(100)),
        (parts, isMarked, cuts) => {
          const body = Buffer.from(
            `${isMarked ? '\u00ef\u00bb\u00bf' : ''}${parts.join('')}`,
            'latin1',
          )
          const at = [0, ...cuts.map((cut) => Math.min(cut, body.length)), body.length].sort(
            (a, b) => a - b,
          )
          const chunks = at.slice(1).map((end, n) => body.subarray(at[n], end))
          expect(split(chunks)).toEqual(expected(body))
        },
      ),
    )
  })

  it('are not held beyond the longest, whatever comes', () => {
    const splitter = createLineSplitter(MAX)
    const piece = Buffer.alloc(1_024, 'x')
    for (let i = 0; i < 1_000; i++) expect(splitter.push(piece)).toEqual([])
    expect(splitter.push(Buffer.from('\nnext\n')).map(String)).toEqual(['too-long', 'next'])
  })
})
