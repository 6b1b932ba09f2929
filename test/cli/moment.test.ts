/** Times as operators type them, and as they are shown. */
import { describe, expect, it } from 'vitest'
import {
  formatDistance,
  formatMoment,
  formatSpan,
  parseMoment,
} from '../../cli/src/terminal/moment.ts'

const NOW = Date.UTC(2026, 4, 1, 3, 0, 0) / 1_000

describe('a typed time', () => {
  it.each([
    ['0s', NOW],
    ['90s', NOW - 90],
    ['30m', NOW - 1_800],
    ['2h', NOW - 7_200],
    ['7d', NOW - 604_800],
    ['1w', NOW - 604_800],
    ['1777604400', 1_777_604_400],
    ['1777604400.25', 1_777_604_400.25],
    ['2026-05-01T03:00:00Z', NOW],
    ['2026-05-01 03:00z', NOW],
    ['2026-05-01T05:00:00+02:00', NOW],
    ['2026-05-01T03:00:00.5Z', NOW + 0.5],
  ])('may be %s', (text, moment) => {
    expect(parseMoment(text, NOW + 0.4, 'ago')).toBe(moment)
  })

  it('may be a span ahead', () => {
    expect(parseMoment('4h', NOW, 'ahead')).toBe(NOW + 14_400)
    expect(parseMoment('+4h', NOW, 'ahead')).toBe(NOW + 14_400)
  })

  it.each([
    ['2026-05-01T03:00:00', /needs a zone/],
    ['2026-05-01', /needs a zone/],
    ['1777604400000', /not milliseconds/],
    ['9999999999', /not milliseconds/],
    ['2026-02-30T00:00:00Z', /Give 2h/],
    ['2026-13-01T00:00:00Z', /Give 2h/],
    ['yesterday', /Give 2h/],
    ['2 h', /Give 2h/],
    ['-2h', /Give 2h/],
    ['', /Give 2h/],
    ['999999999w', /too far/],
  ])('may not be %j', (text, why) => {
    expect(() => parseMoment(text, NOW, 'ago')).toThrow(why)
  })

  it('is read back as it is shown', () => {
    expect(formatMoment(NOW + 0.9)).toBe('2026-05-01T03:00:00Z')
    expect(parseMoment(formatMoment(NOW), 0, 'ago')).toBe(NOW)
  })
})

describe('a shown time', () => {
  it.each([
    [0, 'now'],
    [45, '45 s ago'],
    [600, '10 min ago'],
    [-7_200, 'in 2 h'],
    [259_200, '3 d ago'],
  ])('%d seconds away is "%s"', (seconds, text) => {
    expect(formatDistance(NOW - seconds, NOW)).toBe(text)
  })

  it('is never a crash', () => {
    expect(formatMoment(1e300)).toBe('an unknown time')
    expect(formatSpan(-1)).toBe('0 s')
  })
})
