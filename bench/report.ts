/** The report as Markdown: what was to be reached and was or was not, then every table. */
import type { Figure } from './figure.ts'
import type { Machine } from './machine.ts'
import type { Finding, Plot, Table } from './measure.ts'
import { isReached, TARGETS, type Target, type TargetId } from './targets.ts'

/** What a measure came to. */
export interface Section {
  readonly name: string
  readonly title: string
  readonly seconds: number
  readonly finding: Finding
  /** Why there is nothing in the finding. */
  readonly failure?: string
}

/** A whole run. */
export interface Report {
  readonly machine: Machine
  readonly isQuick: boolean
  /** Whether every measure ran: then a line of the list that has no figure is told of, too. */
  readonly isWhole: boolean
  readonly date: Date
  readonly sections: readonly Section[]
}

/** @param plotFolder where the plots lie, seen from the document */
export function markdownOf(report: Report, plotFolder = '.'): string {
  const { machine, isQuick, isWhole, date, sections } = report
  const seconds = sections.reduce((sum, { seconds }) => sum + seconds, 0)
  const head = [
    `${date.toISOString().slice(0, 10)} · ${machine.description}`,
    `${isQuick ? 'quick run' : 'full run'}, ${Math.round(seconds)} s · ${placementOf(machine)}`,
  ]
  const texts = sections.map((section) => sectionText(section, plotFolder))
  const parts = [head.join('  \n'), targetTable(sections, isWhole), ...texts]
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}

function placementOf({ placement }: Machine): string {
  if (placement === undefined) return 'processes wherever the system puts them'
  const parts = Object.entries(placement).map(([part, core]) => `${part} on core ${core}`)
  return parts.join(', ')
}

function targetTable(sections: readonly Section[], isWhole: boolean): string {
  const reached: Partial<Record<TargetId, number>> = {}
  for (const { finding } of sections) Object.assign(reached, finding.reached)
  const all = Object.keys(TARGETS) as TargetId[]
  const ids = all.filter((id) => isWhole || reached[id] !== undefined)
  if (ids.length === 0) return ''
  const rows = ids.map((id) => {
    const { text, unit, atLeast, atMost }: Target = TARGETS[id]
    const limit = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`
    const figure = reached[id]
    const shown = figure === undefined ? '' : `${formatNumber(figure)} ${unit}`
    const mark =
      figure === undefined ? 'not measured' : isReached(id, figure) ? '✓ reached' : '✗ not reached'
    return [text, `${limit} ${unit}`, shown, mark]
  })
  return `## What was to be reached\n\n${tableText(['', 'to reach', 'measured', ''], rows)}`
}

function sectionText({ title, finding, failure }: Section, folder: string): string {
  const { tables, notes, plots = [] } = finding
  const pictures = plots.map(({ name, alt }: Plot) => `![${alt}](${folder}/${name}.svg)`)
  const remarks = notes.map((note) => `* ${note}`).join('\n')
  const failed = failure === undefined ? '' : `Could not be measured: ${failure}`
  return [`## ${title}`, failed, ...tables.map(tableSection), ...pictures, remarks]
    .filter((part) => part !== '')
    .join('\n\n')
}

function tableSection({ title, columns, rows }: Table): string {
  const cells = rows.map(({ name, cells }) => [name, ...cells.map(cellOf)])
  return `**${title}**\n\n${tableText(['', ...columns], cells)}`
}

function cellOf(cell: Figure | string): string {
  if (typeof cell === 'string') return cell
  const { median, least, most, values } = cell
  if (values.length === 1) return formatNumber(median)
  return `${formatNumber(median)} (${formatNumber(least)}–${formatNumber(most)})`
}

function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

/** Three digits that count, and whole numbers above that. */
function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 1e-9))))
  return value.toLocaleString('en', { maximumFractionDigits: Math.min(digits, 4) })
}
