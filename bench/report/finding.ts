/** What a measure found: tables, pictures, notes, and figures for the list of targets. */
import type { Figure } from './figure.ts'
import type { TargetId } from './targets.ts'

/** The result of one measure. */
export interface Finding {
  readonly tables: readonly Table[]
  readonly pictures?: readonly Picture[]
  /** What the reader must know to judge the figures: sizes, settings of the references, disturbances. */
  readonly notes: readonly string[]
  /** Figures for the list in `targets.ts`; a target that was not measured is absent. */
  readonly reached?: Readonly<Partial<Record<TargetId, number>>>
}

/** Figures of one kind. */
export interface Table {
  readonly title: string
  /** Headings of the cells, with the unit. */
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
}

/** One thing measured; a text where there is no figure. */
export interface Row {
  readonly name: string
  readonly cells: readonly (Figure | string)[]
}

/** A picture for the report. */
export interface Picture {
  /** File name without its ending. */
  readonly name: string
  readonly alt: string
  readonly svg: string
}
