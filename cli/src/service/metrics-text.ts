/** Reads the metrics that `status` shows from the Prometheus text format. */

/** Parsed metrics. */
export interface Metrics {
  /** Sum of all samples of a name; undefined without samples. */
  sum(name: string): number | undefined
  /** A label of the first sample of a name. */
  label(name: string, label: string): string | undefined
}

const SAMPLE = /^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})? (\S+)/

/** Parses the text; lines that are not samples are skipped. */
export function parseMetrics(text: string): Metrics {
  const samples = text
    .split('\n')
    .map((line) => SAMPLE.exec(line))
    .filter((match) => match !== null)
  const of = (name: string) => samples.filter(([, found]) => found === name)
  return {
    sum(name) {
      const values = of(name).map(([, , , value]) => Number(value))
      return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0)
    },
    label(name, label) {
      const [, , labels = ''] = of(name)[0] ?? []
      return new RegExp(`(?:^|,)${label}="([^"]*)"`).exec(labels)?.[1]
    },
  }
}
