/** Numbers measured once a round, and what the report shows of them: the median and the range. */

/** One thing, measured several times. */
export interface Figure {
  readonly values: readonly number[]
  readonly median: number
  readonly least: number
  readonly most: number
}

/** @param values at least one */
export function figureOf(values: readonly number[]): Figure {
  if (values.length === 0) throw new RangeError('nothing was measured')
  const sorted = values.toSorted((a, b) => a - b)
  return {
    values,
    median: quantile(sorted, 0.5),
    least: sorted[0] as number,
    most: sorted.at(-1) as number,
  }
}

/** @param sorted ascending, not empty; a share between two of them is interpolated */
export function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share
  const [below, above] = [Math.floor(at), Math.ceil(at)].map((n) => sorted[n] as number)
  return (below as number) + ((above as number) - (below as number)) * (at - Math.floor(at))
}

/** Round by round, so that a disturbance of the machine in one round hits both. */
export function ratioOf(one: Figure, other: Figure): Figure {
  return figureOf(one.values.map((value, round) => value / (other.values[round] as number)))
}
