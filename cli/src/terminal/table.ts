/**
 * Tables and lists of facts that fit the terminal. Ids are never cut, because people copy them: only columns with `shrink`
 * become narrower, and if that is not enough each row becomes a list of facts. Colour is added last and only repeats what
 * the words say.
 */
import { fitText, padText, textWidth, wrapText } from './text-width.ts'
import { makeVisible } from './visible.ts'

/** The meaning of a text, shown as a colour where there are colours. */
export type Tone = 'good' | 'bad' | 'warning' | 'quiet' | 'title'

/** Colours a text. */
export type Paint = (text: string, tone: Tone) => string

/** A column of a table. */
export interface Column<Row> {
  readonly title: string
  /** The text of a cell; '' when there is nothing to show. */
  readonly cell: (row: Row) => string
  readonly align?: 'right'
  /** How the column may become narrower: `cut` with an ellipsis, or, for ids, `wrap` between words. */
  readonly shrink?: 'cut' | 'wrap'
  readonly tone?: (row: Row) => Tone | undefined
}

/** A name and a value. */
export interface Fact {
  readonly name: string
  readonly value: string
  readonly tone?: Tone | undefined
}

/** The space and the colours of an output. */
export interface Layout {
  /** Columns of the terminal; undefined where nothing needs to fit. */
  readonly width: number | undefined
  readonly paint: Paint
}

const GAP = 2
const MIN_SHRUNK_WIDTH = 8
const MIN_VALUE_WIDTH = 16

/** The lines of a table, header first. */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  layout: Layout,
): string[] {
  const shown = columns.filter(({ cell }) => rows.some((row) => cell(row) !== ''))
  const cells = rows.map((row) => shown.map(({ cell }) => makeVisible(cell(row))))
  const natural = shown.map(({ title }, index) =>
    Math.max(textWidth(title), ...cells.map((row) => textWidth(row[index] ?? ''))),
  )
  const min = shown.map(({ shrink }, index) => minWidth(shrink, cells, index))
  const widths = fittingWidths({ natural, min }, layout.width)
  return widths === undefined
    ? stackedLines(shown, rows, layout)
    : gridLines(shown, rows, { cells, widths }, layout.paint)
}

/** The smallest width of a column; infinite for a column without `shrink`. */
function minWidth(
  shrink: 'cut' | 'wrap' | undefined,
  cells: readonly (readonly string[])[],
  index: number,
): number {
  if (shrink === undefined) return Number.POSITIVE_INFINITY
  if (shrink === 'cut') return MIN_SHRUNK_WIDTH
  const words = cells.flatMap((row) => (row[index] ?? '').split(' '))
  return Math.max(MIN_SHRUNK_WIDTH, ...words.map((word) => textWidth(word)))
}

interface Widths {
  readonly natural: readonly number[]
  readonly min: readonly number[]
}

/** Widths of the columns, or undefined when they do not fit. The widest column that still can becomes narrower. */
function fittingWidths(
  { natural, min }: Widths,
  width: number | undefined,
): readonly number[] | undefined {
  const total = (widths: readonly number[]) =>
    widths.reduce((sum, one) => sum + one, GAP * (widths.length - 1))
  const widths = [...natural]
  if (width === undefined) return widths
  while (total(widths) > width) {
    const widest = widths
      .map((now, index) => ({ now, index }))
      .filter(({ now, index }) => now > (min[index] ?? 0))
      .sort((one, other) => other.now - one.now)[0]
    if (widest === undefined) return undefined
    widths[widest.index] = widest.now - 1
  }
  return widths
}

interface Grid {
  readonly cells: readonly (readonly string[])[]
  readonly widths: readonly number[]
}

function gridLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { cells, widths }: Grid,
  paint: Paint,
): string[] {
  const titles = columns.map(({ title }, n) => [paint(fitText(title, widths[n] ?? 0), 'title')])
  const body = rows.map((row, r) =>
    columns.map(({ tone, shrink }, n) => {
      const [text, width] = [cells[r]?.[n] ?? '', widths[n] ?? 0]
      const lines = shrink === 'wrap' ? wrapText(text, width) : [fitText(text, width)]
      const colour = tone?.(row)
      return colour === undefined ? lines : lines.map((line) => paint(line, colour))
    }),
  )
  return [titles, ...body].flatMap((row) => {
    const height = Math.max(...row.map((lines) => lines.length))
    return Array.from({ length: height }, (_, at) =>
      row
        .map((lines, n) => padText(lines[at] ?? '', widths[n] ?? 0, columns[n]?.align))
        .join(' '.repeat(GAP))
        .trimEnd(),
    )
  })
}

function stackedLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  layout: Layout,
): string[] {
  return rows.flatMap((row, index) => {
    const facts = columns
      .map(({ title, cell, tone }) => ({ name: title, value: cell(row), tone: tone?.(row) }))
      .filter(({ value }) => value !== '')
    return [...(index === 0 ? [] : ['']), ...factLines(facts, layout)]
  })
}

/** The lines of a list of facts, with the values in one column. */
export function factLines(facts: readonly Fact[], { width, paint }: Layout): string[] {
  const column = Math.max(0, ...facts.map(({ name }) => textWidth(makeVisible(name)))) + GAP
  const room = width === undefined ? undefined : width - column
  return facts.flatMap(({ name, value, tone }) => {
    const text = makeVisible(value)
    const shown = (part: string) => (tone === undefined ? part : paint(part, tone))
    const label = paint(padText(makeVisible(name), column), 'title')
    if (room === undefined || textWidth(text) <= room) return [label + shown(text)]
    // An id that does not fit beside its name goes below it.
    const isOneWord = !text.includes(' ')
    if (room < MIN_VALUE_WIDTH || (isOneWord && width !== undefined)) {
      const below = wrapText(text, Math.max(1, (width ?? 0) - GAP))
      return [label.trimEnd(), ...below.map((part) => ' '.repeat(GAP) + shown(part))]
    }
    const [first = '', ...rest] = wrapText(text, room)
    return [label + shown(first), ...rest.map((part) => ' '.repeat(column) + shown(part))]
  })
}
