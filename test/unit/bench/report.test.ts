import { describe, expect, it } from 'vitest'
import { figureOf } from '../../../bench/report/figure.ts'
import { markdownOf, type Section } from '../../../bench/report/report.ts'
import { isReached, TARGETS } from '../../../bench/report/targets.ts'

const machine = { description: 'a machine' }

function reportOf(...sections: Partial<Section>[]): string {
  return reportText(true, sections)
}

function reportText(isWhole: boolean, sections: readonly Partial<Section>[]): string {
  const whole = sections.map((section) => ({
    name: 'one',
    title: 'One measure',
    seconds: 1,
    finding: { tables: [], notes: [] },
    ...section,
  }))
  const report = { machine, isQuick: false, isWhole, date: new Date(0), sections: whole }
  return markdownOf(report, 'pictures')
}

describe('a report', () => {
  it('marks each target as reached, not reached or not measured', () => {
    const reached = { memoryOfTen: 256, memoryOfOne: 400.1, introspectionBesideKoa: 0.79 }
    const text = reportOf({ finding: { tables: [], notes: [], reached } })
    const line = (id: keyof typeof TARGETS) =>
      text.split('\n').find((row) => row.startsWith(`| ${TARGETS[id].text} |`))
    expect(line('memoryOfTen')).toContain('| at most 256 B | 256 B | ✓ reached |')
    expect(line('memoryOfOne')).toContain('| at most 400 B | 400 B | ✗ not reached |')
    expect(line('introspectionBesideKoa')).toContain('✗ not reached')
    expect(line('import')).toContain('not measured')
    expect(text.match(/^\| .* \| (?:✓ reached|✗ not reached|not measured) \|$/gm)).toHaveLength(
      Object.keys(TARGETS).length,
    )
  })

  it('leaves out targets without a figure when only some measures ran', () => {
    const finding = { tables: [], notes: [], reached: { memoryOfTen: 256 } }
    const text = reportText(false, [{ finding }])
    expect(text).toContain('✓ reached')
    expect(text).not.toContain('not measured')
    expect(reportText(false, [{}])).not.toContain('## Targets')
  })

  it('shows a figure with its range, a single value alone, and a text as it is', () => {
    const cells = [figureOf([1_234_567, 1_000_000, 2_000_000]), figureOf([0.012_345]), 'none']
    const table = { title: 'A table', columns: ['a', 'b', 'c'], rows: [{ name: 'row', cells }] }
    expect(reportOf({ finding: { tables: [table], notes: ['A note.'] } })).toContain(
      '**A table**\n\n|  | a | b | c |\n| --- | ---: | ---: | ---: |\n' +
        '| row | 1,234,567 (1,000,000–2,000,000) | 0.0123 | none |\n\n* A note.',
    )
  })

  it('shows pictures from their folder', () => {
    const pictures = [{ name: 'size', alt: 'sizes', svg: '<svg/>' }]
    expect(reportOf({ finding: { tables: [], notes: [], pictures } })).toContain(
      '![sizes](pictures/size.svg)',
    )
  })

  it('shows a measure that failed along with the others', () => {
    const text = reportOf({ failure: 'no Redis' }, { title: 'Another' })
    expect(text).toContain('## One measure\n\nCould not be measured: no Redis')
    expect(text).toContain('## Another')
  })
})

describe('a target', () => {
  it('is reached at its limit, and not beyond', () => {
    expect(isReached('introspectionBesideKoa', 0.8)).toBe(true)
    expect(isReached('introspectionBesideKoa', 0.799)).toBe(false)
    expect(isReached('peek', 1)).toBe(true)
    expect(isReached('peek', 1.001)).toBe(false)
    expect(isReached('peek', Number.NaN)).toBe(false)
  })
})
