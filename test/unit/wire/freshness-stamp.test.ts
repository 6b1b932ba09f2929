/** The freshness stamp: what is written is read back, and nothing else is read. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  FRESHNESS_HEADER,
  formatFreshness,
  parseFreshness,
} from '../../../client/src/wire/index.ts'

const position = {
  partition: fc.nat(4095),
  epoch: fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: 1, maxLength: 40 })
    .map((digits) => digits.join('')),
  seq: fc.integer({ min: 0, max: 999_999_999_999_999 }),
}
const stamp = fc.oneof(
  fc.record(position),
  fc.record({ ...position, leftMs: fc.integer({ min: 0, max: 999_999_999_999_999 }) }),
)
const answers = fc.array(fc.option(stamp, { nil: undefined }), { minLength: 1, maxLength: 100 })

describe('the freshness stamp', () => {
  it('travels as partition, epoch and seq', () => {
    expect(FRESHNESS_HEADER).toBe('Claimcheck-Freshness')
    expect(formatFreshness([{ partition: 7, epoch: 'a1', seq: 12 }])).toBe('7:a1:12')
    expect(formatFreshness([undefined, { partition: 0, epoch: '0', seq: 0 }, undefined])).toBe(
      '-,0:0:0,-',
    )
  })

  it('tells what is left of an answer that ends by itself', () => {
    expect(formatFreshness([{ partition: 7, epoch: 'a1', seq: 12, leftMs: 0 }])).toBe('7:a1:12:0')
    expect(parseFreshness('7:a1:12:1500')).toEqual([
      { partition: 7, epoch: 'a1', seq: 12, leftMs: 1_500 },
    ])
  })

  it('is read back as it was written, in order', () => {
    fc.assert(
      fc.property(answers, (stamps) => {
        expect(parseFreshness(formatFreshness(stamps))).toEqual(stamps)
      }),
    )
  })

  it.each([
    '',
    ',',
    '1:a',
    '1:a:2:',
    '1:a:2:x',
    '1:a:2:3:4',
    '1:a:2:-3',
    '1:a:2:1.5',
    '1:a:2:1234567890123456',
    'x:a:1',
    '-1:a:1',
    '1:a:-1',
    '1:g:1',
    '1:A:1',
    '1::1',
    '1:a:',
    ':a:1',
    '12345:a:1',
    `1:${'a'.repeat(41)}:1`,
    '1:a:1234567890123456',
    '1:a:1.5',
    '1:a:1,',
    '1:a:1,,-',
    '1:a:1, -',
    ' 1:a:1',
    '1:a:1\n',
    '--',
  ])('is not read from %j', (value) => {
    expect(parseFreshness(value)).toBeUndefined()
  })

  it('is read from no arbitrary text that it would not write', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abf:,-') }), (text) => {
        const stamps = parseFreshness(text)
        if (stamps === undefined) return
        expect(parseFreshness(formatFreshness(stamps))).toEqual(stamps)
      }),
    )
  })
})
