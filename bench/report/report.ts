/** The report as Markdown: the targets and whether they were reached, then every table. */
import type { Figure } from './figure.ts'
import type { Finding, Table } from './finding.ts'
import { isReached, TARGETS, type Target, type TargetId } from './targets.ts'

/** The result of one measure. */
export interface Section {
  readonly name: string
  readonly title: string
  readonly seconds: number
  readonly finding: Finding
  /** Why the finding is empty. */
  readonly failure?: string
}

/** The machine, and on which cores the parts of a measurement ran. */
interface ReportedMachine {
  readonly description: string
  readonly placement?: Readonly<Record<string, string>>
}

/** A whole run. */
export interface Report {
  readonly machine: ReportedMachine
  readonly isQuick: boolean
  /** Whether every measure ran: then the list also shows the targets without a figure. */
  readonly isWhole: boolean
  readonly date: Date
  readonly sections: readonly Section[]
}

/** @param pictureFolder path of the pictures, relative to the document */
export function markdownOf(report: Report, pictureFolder = '.'): string {
  const { machine, isQuick, isWhole, date, sections } = report
  const seconds = sections.reduce((sum, { seconds }) => sum + seconds, 0)
  const head = [
    `${date.toISOString().slice(0, 10)} · ${machine.description}`,
    `${isQuick ? 'quick run' : 'full run'}, ${Math.round(seconds)} s · ${placementOf(machine)}`,
  ]
  const texts = sections.map((section) => sectionText(section, pictureFolder))
  const parts = [head.join('  \n'), targetTable(sections, isWhole), ...texts]
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}

function placementOf({ placement }: ReportedMachine): string {
  if (placement === undefined) return 'the operating system placed the processes'
  const parts = Object.entries(placement).map(([part, cores]) => `${part} on core ${cores}`)
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
    const limit = atLeast === undefined ? `at most ${formatted(atMost)}` : `at least ${atLeast}`
    const figure = reached[id]
    const shown = figure === undefined ? '' : `${formatted(figure)} ${unit}`
    const mark =
      figure === undefined ? 'not measured' : isReached(id, figure) ? '✓ reached' : '✗ not reached'
    return [text, `${limit} ${unit}`, shown, mark]
  })
  return `## Targets\n\n${tableText(['', 'target', 'measured', ''], rows)}`
}

function sectionText({ title, finding, failure }: Section, folder: string): string {
  const { tables, notes, pictures = [] } = finding
  const images = pictures.map(({ name, alt }) => `![${alt}](${folder}/${name}.svg)`)
  const remarks = notes.map((note) => `* ${note}`).join('\n')
  const failed = failure === undefined ? '' : `Could not be measured: ${failure}`
  return [`## ${title}`, failed, ...tables.map(tableSection), ...images, remarks]
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
  if (values.length === 1) return formatted(median)
  return `${formatted(median)} (${formatted(least)}–${formatted(most)})`
}

function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

/** Three significant digits, and whole numbers from 1,000 on. */
function formatted(value = Number.NaN): string {
  if (!Number.isFinite(value)) return '–'
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 1e-9))))
  return value.toLocaleString('en', { maximumFractionDigits: Math.min(digits, 4) })
}
