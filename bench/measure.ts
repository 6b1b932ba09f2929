/** What a measure is, what it is given and what it finds. One file of `measures/` each. */
import type { Figure } from './figure.ts'
import type { Machine } from './machine.ts'
import type { TargetId } from './targets.ts'

/** Something that `npm run bench` measures. */
export interface Measure {
  /** For `--only`. */
  readonly name: string
  readonly title: string
  run(bench: Bench): Promise<Finding>
}

/** What a measure is given. */
export interface Bench {
  /** Smaller sizes and fewer rounds: the whole in two minutes. */
  readonly isQuick: boolean
  readonly machine: Machine
  /** Tells what is being done now. */
  readonly step: (text: string) => void
}

/** What a measure found. */
export interface Finding {
  readonly tables: readonly Table[]
  readonly plots?: readonly Plot[]
  /** What the reader has to know to judge the figures: sizes, settings of the references, what disturbs. */
  readonly notes: readonly string[]
  /** What was reached of the list in `targets.ts`; a line that was not measured is left out. */
  readonly reached?: Readonly<Partial<Record<TargetId, number>>>
}

/** Figures of one kind beside each other. */
export interface Table {
  readonly title: string
  /** Of the cells; the unit stands in the name. */
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
}

/** One thing measured; a text where there is no figure. */
export interface Row {
  readonly name: string
  readonly cells: readonly (Figure | string)[]
}

/** A picture for the report. */
export interface Plot {
  /** File name without its ending. */
  readonly name: string
  readonly alt: string
  readonly svg: string
}
