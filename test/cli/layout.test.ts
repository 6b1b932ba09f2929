/** What is shown: widths of characters, tables that fit, nothing that steers the terminal, no token. */
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { barText, progressText } from '../../cli/src/terminal/progress.ts'
import { factLines, type Layout, tableLines } from '../../cli/src/terminal/table.ts'
import { fitText, textWidth, wrapText } from '../../cli/src/terminal/text-width.ts'
import { makeJsonVisible, makeVisible } from '../../cli/src/terminal/visible.ts'

const plain = (width?: number): Layout => ({ width, paint: (text) => text })
const TOKEN = `cc_at_${'A'.repeat(68)}`

describe('the width of text', () => {
  it.each([
    ['abc', 3],
    ['größe', 5],
    ['e\u0301', 1],
    ['漢字', 4],
    ['ｆｕｌｌ', 8],
    ['👩‍👩‍👧', 2],
    ['🇩🇪', 2],
    ['\u200d', 0],
    ['', 0],
  ])('of %j is %d', (text, width) => {
    expect(textWidth(text)).toBe(width)
  })

  it('is kept when text is cut short, between characters', () => {
    expect(fitText('漢字漢字', 5)).toBe('漢字…')
    expect(fitText('👩‍👩‍👧👩‍👩‍👧', 3)).toBe('👩‍👩‍👧…')
    expect(fitText('abc', 3)).toBe('abc')
  })

  it('is kept when text is wrapped', () => {
    expect(wrapText('the quick brown fox', 9)).toEqual(['the quick', 'brown fox'])
    expect(wrapText('abcdefghij kl', 4)).toEqual(['abcd', 'efgh', 'ij', 'kl'])
    expect(wrapText('漢', 1)).toEqual(['漢'])
  })

  it('never changes a letter of an id', () => {
    const id = 'e\u0301'.repeat(8)
    expect(wrapText(`subject=${id} client=web`, 12)).toEqual([`subject=${id}`, 'client=web'])
  })
})

describe('a table', () => {
  const columns = [
    { title: 'id', cell: (row: readonly string[]) => row[0] ?? '' },
    { title: 'note', cell: (row: readonly string[]) => row[1] ?? '', shrink: 'cut' as const },
    { title: 'empty', cell: () => '' },
  ]
  const rows = [
    ['sid_0123456789', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit'],
    ['漢字', 'short'],
  ]

  it('has its columns under each other, and none that is empty', () => {
    expect(tableLines(columns, rows, plain())).toEqual([
      'id              note',
      'sid_0123456789  Mozilla/5.0 (X11; Linux x86_64) AppleWebKit',
      '漢字            short',
    ])
  })

  it('has its columns under each other in every script', () => {
    const names = ['สวัสดี', 'नमस्ते', '🇩🇪👩‍👩‍👧', 'e\u0301'].map((name) => [name, 'next'])
    const offsets = tableLines(columns, names, plain()).map((line) =>
      textWidth(line.slice(0, line.search(/note|next/))),
    )
    expect(new Set(offsets)).toEqual(new Set([6]))
  })

  it('shortens what may be shortened, and never an id', () => {
    const lines = tableLines(columns, rows, plain(40))
    expect(lines[1]).toBe('sid_0123456789  Mozilla/5.0 (X11; Linux…')
    expect(lines.every((line) => textWidth(line) <= 40)).toBe(true)
  })

  it('puts words in several lines where they are ids', () => {
    const wrapping = columns.map((column) =>
      column.shrink === undefined ? column : { ...column, shrink: 'wrap' as const },
    )
    const lines = tableLines(wrapping, [['id1', 'grant=0123456789 session=abcdefghij']], plain(30))
    expect(lines).toEqual(['id   note', 'id1  grant=0123456789', '     session=abcdefghij'])
    const narrow = tableLines(wrapping, [['id1', 'grant=0123456789 session=abcdefghij']], plain(24))
    expect(narrow.join(' ')).toMatch(/grant=0123456789 +session=abcdefghij/)
  })

  it('becomes a list of facts where it cannot fit', () => {
    const lines = tableLines(columns, rows, plain(22))
    expect(lines.slice(0, 2)).toEqual(['id    sid_0123456789', 'note  Mozilla/5.0'])
    expect(lines.every((line) => textWidth(line) <= 22)).toBe(true)
  })

  it('paints after fitting, so that colour takes no room', () => {
    const paint = (text: string) => `\u001b[1m${text}\u001b[0m`
    const lines = tableLines(columns, rows, { width: 40, paint })
    const bare = lines.map((line) => stripVTControlCharacters(line).trimEnd())
    expect(bare).toEqual(tableLines(columns, rows, plain(40)))
  })

  it('shows control characters instead of obeying them', () => {
    const hostile = [['\u001b[2J\u0007', `\u202eevil\n${TOKEN}`]]
    expect(tableLines(columns, hostile, plain()).join('|')).toBe(
      'id           note|\\x1b[2J\\x07  \\u202eevil\\ncc_at_***',
    )
  })
})

describe('a list of facts', () => {
  it('puts a value that has no room below its name', () => {
    expect(factLines([{ name: 'grant', value: 'x'.repeat(50) }], plain(40))).toEqual([
      'grant',
      `  ${'x'.repeat(38)}`,
      `  ${'x'.repeat(12)}`,
    ])
  })
})

describe('what is made visible', () => {
  it.each([
    ['tab\tand\r\n', 'tab\\tand\\r\\n'],
    ['\u009b31m', '\\x9b31m'],
    ['a\u2028b', 'a\\u2028b'],
    ['\ud800', '\\ud800'],
    ['👍 ü 漢', '👍 ü 漢'],
    [`x${TOKEN}y`, 'xcc_at_***y'],
    [TOKEN.replace('at', 'rt'), 'cc_rt_***'],
  ])('%j is shown as %j', (text, shown) => {
    expect(makeVisible(text)).toBe(shown)
  })

  it('in JSON stays the same value', () => {
    const value = { text: '\u001b\u009b\u202e\ufeff\u2028 ü 👍', nested: ['\n'] }
    const shown = makeJsonVisible(JSON.stringify(value, null, 2))
    expect(JSON.parse(shown)).toEqual(value)
    expect(shown).not.toMatch(/[\u0080-\u009f\u202e\ufeff\u2028]/)
    expect(makeJsonVisible(JSON.stringify({ TOKEN }))).not.toContain(TOKEN)
  })
})

describe('progress', () => {
  const work = { noun: 'lines', totalBytes: 1_000, start: { items: 0, bytes: 0 } }

  it('tells how much, how fast and how long still', () => {
    const text = progressText(work, { items: 420_000, bytes: 420 }, 10)
    expect(text).toBe('420,000 lines, 42%, 42,000/s, 14 s left')
  })

  it('tells no rest of a pipe, and no rate of nothing', () => {
    const pipe = { ...work, totalBytes: undefined }
    expect(progressText(pipe, { items: 5, bytes: 9 }, 0)).toBe('5 lines, 0/s')
  })

  it.each([20, 40, 80, 200])('fits %d columns', (columns) => {
    const text = progressText(work, { items: 420_000, bytes: 420 }, 10)
    expect(textWidth(barText(0.42, text, columns))).toBeLessThan(columns)
  })
})
