import { describe, expect, it } from 'vitest'
import { figureOf } from '../../../bench/figure.ts'
import { barChart, logLogChart, timeChart } from '../../../bench/plot.ts'

const lines = [
  {
    name: 'one <&> "two"',
    points: [
      [1, 10],
      [1_000_000, 10_000_000],
    ] as const,
  },
]
const axes = { title: 'A & B', xLabel: 'roles', yLabel: 'bytes', lines }

const pictures = {
  'lines over logarithmic axes': () =>
    logLogChart({ ...axes, limits: [{ name: '8 KiB', at: 8_192 }] }),
  'lines over time': () => timeChart({ ...axes, limits: [{ name: 'cut', at: 500_000 }] }),
  bars: () =>
    barChart({
      title: 'A & B',
      label: 'µs',
      bars: [{ name: 'one <&> "two"', figure: figureOf([1, 2, 3]) }],
    }),
}

describe.each(Object.entries(pictures))('a picture of %s', (_, draw) => {
  it('is the same for the same figures, stands on a ground of its own and needs nothing from outside', () => {
    const svg = draw()
    expect(svg).toBe(draw())
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" [^>]*>/)
    expect(svg).toMatch(/<rect [^>]*fill="#?\w+"/)
    expect(svg).not.toMatch(/href|<script|NaN|undefined|Infinity/)
  })

  it('holds no name as markup', () => {
    expect(draw()).toContain('one &#60;&#38;&#62;')
    expect(draw()).toContain('A &#38; B')
  })
})

it('a bar tells its median, an axis its ticks in short', () => {
  expect(pictures.bars()).toContain('>2<')
  expect(pictures['lines over logarithmic axes']()).toContain('>10M<')
})
