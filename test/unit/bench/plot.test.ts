import { describe, expect, it } from 'vitest'
import { figureOf } from '../../../bench/report/figure.ts'
import { barChart, logLogChart, timeChart } from '../../../bench/report/plot.ts'

const HOSTILE = 'one <&> "two"'
const lines = [
  {
    name: HOSTILE,
    points: [
      [1, 10],
      [1_000_000, 10_000_000],
    ] as const,
  },
]
const axes = { title: 'A & B', xLabel: 'roles <held>', yLabel: 'bytes & more', lines }

const pictures = {
  'lines over logarithmic axes': () =>
    logLogChart({ ...axes, limits: [{ name: '<8 KiB>', at: 8_192 }] }),
  'lines over time': () => timeChart({ ...axes, limits: [{ name: '<cut>', at: 500_000 }] }),
  bars: () =>
    barChart({
      title: 'A & B',
      label: 'µs <a call>',
      bars: [{ name: HOSTILE, figure: figureOf([1, 2, 3]) }],
    }),
}

describe.each(Object.entries(pictures))('a picture of %s', (_, draw) => {
  it('is the same for the same figures, has a background and needs nothing from outside', () => {
    const svg = draw()
    expect(svg).toBe(draw())
    expect(svg).toMatch(
      /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"[^>]*>\n<title>A &amp; B<\/title>\n<rect [^>]*fill="#ffffff"/,
    )
    expect(svg).not.toMatch(/href|url\((?!#)|<script|<style|class="|NaN|undefined|Infinity/)
  })

  it('escapes every name', () => {
    const svg = draw()
    expect(svg).toContain('>one &lt;&amp;&gt; &quot;two&quot;<')
    expect(svg).toContain('>A &amp; B<')
    expect(
      svg.replaceAll(/<\/?(?:svg|title|rect|path|text|g|defs|clipPath)\b[^<>]*>/g, ''),
    ).not.toMatch(/[<>]/)
  })
})

describe('a picture of lines', () => {
  it('has a title, both axes with their units, and its limits', () => {
    const svg = pictures['lines over logarithmic axes']()
    for (const text of ['A &amp; B', 'roles &lt;held&gt;', 'bytes &amp; more', '&lt;8 KiB&gt;']) {
      expect(svg).toContain(`>${text}<`)
    }
  })

  it('has short numbers on its axes', () => {
    expect(pictures['lines over logarithmic axes']()).toContain('>10M<')
  })

  it('refuses a number that has no logarithm', () => {
    const zero = [{ name: 'zero', points: [[0, 1]] as const }]
    expect(() => logLogChart({ ...axes, lines: zero })).toThrow(RangeError)
  })
})

it('a bar has its median as a number, and the axis its unit', () => {
  expect(pictures.bars()).toContain('>2<')
  expect(pictures.bars()).toContain('>µs &lt;a call&gt;<')
})
