/** Where a report goes: always to the data directory, and on request into the documentation. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { markdownOf, type Report } from './report.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const FOLDER = join('.claimcheck', 'bench')
const DOCUMENT = join(ROOT, 'docs', 'benchmarks.md')
const PICTURES = 'benchmarks'
const BEGIN = '<!-- report: written by npm run bench -- --docs -->'
const END = '<!-- end of report -->'

/** Writes Markdown, JSON and pictures. @returns the folder, relative to the project */
export function writeReport(report: Report): string {
  const folder = join(ROOT, FOLDER)
  mkdirSync(folder, { recursive: true })
  const { machine, ...rest } = report
  const { description, placement } = machine
  const json = { ...rest, machine: description, placement }
  const withoutPictures = (key: string, value: unknown) => (key === 'svg' ? undefined : value)
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(json, withoutPictures, 2)}\n`)
  writeFileSync(join(folder, 'report.md'), markdownOf(report))
  writePictures(report, folder)
  return FOLDER
}

/** Replaces the report in the document, and the pictures beside the document. */
export function writeDocument(report: Report): void {
  const text = readFileSync(DOCUMENT, 'utf8')
  const [before, after] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (before === -1 || after === -1) throw new Error('docs/benchmarks.md has no place for a report')
  const folder = join(ROOT, 'docs', PICTURES)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  writePictures(report, folder)
  const head = text.slice(0, before + BEGIN.length)
  writeFileSync(DOCUMENT, `${head}\n\n${markdownOf(report, PICTURES)}\n${text.slice(after)}`)
}

function writePictures({ sections }: Report, folder: string): void {
  for (const { finding } of sections) {
    for (const { name, svg } of finding.pictures ?? []) {
      writeFileSync(join(folder, `${name}.svg`), svg)
    }
  }
}
