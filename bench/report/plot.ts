/**
 * The pictures of the report, drawn by ECharts as SVG text: lines over two logarithmic axes, lines over time, and bars with
 * their range. The same figures always make the same text. Each picture has a white background, so that it can also be read
 * on a dark page.
 */
import { type EChartsOption, format, init } from 'echarts'
import type { Figure } from './figure.ts'

/** One line: its points from left to right. On a logarithmic axis every number must be above 0. */
interface Line {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** A value that must not be exceeded: a dashed line across the picture. */
interface Limit {
  readonly name: string
  readonly at: number
}

/** A picture of lines. The labels include the units. */
export interface LineChart {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly lines: readonly Line[]
  readonly limits?: readonly Limit[]
}

/** A picture of horizontal bars, the first on top. The scale is logarithmic: every number must be above 0. */
export interface BarChart {
  readonly title: string
  /** Of the figures, with the unit. */
  readonly label: string
  readonly bars: readonly { readonly name: string; readonly figure: Figure }[]
}

type AxisType = 'log' | 'value'
type WhiskerEnd = { coord: [value: number, name: string] }

const WIDTH = 860
const HEIGHT = 440
const FRAME = { left: 84, right: 210, top: 52, bottom: 60 }
const BAR_FRAME = { left: 250, right: 80, top: 52, bottom: 60 }
const BAR_STEP = 32
/** From an axis to its name, so that the numbers have room in between. */
const NAME_GAP = { x: 36, y: 56 }
/** With more points than this the dots of a line would overlap. */
const MOST_DOTS = 40
const INK = '#222222'
const LIMIT = '#b00020'
const TEXT = { color: INK, fontFamily: 'system-ui, sans-serif', fontSize: 13 }
const AXIS = {
  nameLocation: 'middle',
  nameTextStyle: TEXT,
  axisLabel: TEXT,
  axisTick: { show: false },
  axisLine: { show: true, lineStyle: { color: INK } },
  splitLine: { lineStyle: { color: '#dddddd' } },
}
const THEME = {
  // Readers with colour blindness can distinguish these.
  color: ['#0072b2', '#d55e00', '#009e73', '#a6457a', '#b07d00', '#3b3b3b', '#4aa3d9'],
  backgroundColor: '#ffffff',
  title: { left: 12, top: 10, textStyle: { ...TEXT, fontSize: 16 } },
  legend: {
    orient: 'vertical',
    left: WIDTH - FRAME.right + 12,
    top: FRAME.top,
    textStyle: TEXT,
  },
  logAxis: AXIS,
  valueAxis: AXIS,
  categoryAxis: AXIS,
}

/** Lines over two logarithmic axes. */
export function logLogChart(chart: LineChart): string {
  return lineChart(chart, 'log')
}

/** Lines over time: from the start to the right, from 0 upwards. */
export function timeChart(chart: LineChart): string {
  return lineChart(chart, 'value')
}

function lineChart({ title, xLabel, yLabel, lines, limits = [] }: LineChart, type: AxisType) {
  const points = lines.flatMap((line) => line.points)
  const xs = points.map(([x]) => x)
  const ys = [...points.map(([, y]) => y), ...limits.map(({ at }) => at)]
  return draw(HEIGHT, title, {
    grid: FRAME,
    legend: { data: lines.map(({ name }) => name) },
    xAxis: { name: xLabel, nameGap: NAME_GAP.x, ...scale(type, xs) },
    yAxis: { name: yLabel, nameGap: NAME_GAP.y, ...scale(type, ys) },
    series: lines.map(({ name, points }, index) => ({
      name,
      type: 'line',
      symbol: 'circle',
      symbolSize: 7,
      showSymbol: points.length <= MOST_DOTS,
      data: points.map(([x, y]) => [x, y]),
      ...(index === 0 ? { markLine: limitLines(limits) } : {}),
    })),
  })
}

/** The name of the lowest is below it, so that the names of two close limits do not overlap. */
function limitLines(limits: readonly Limit[]) {
  const lowest = Math.min(...limits.map(({ at }) => at))
  return {
    symbol: 'none',
    lineStyle: { color: LIMIT, type: 'dashed' as const },
    data: limits.map(({ name, at }) => {
      const position = at === lowest ? ('insideStartBottom' as const) : ('insideStartTop' as const)
      return { name, yAxis: at, label: { ...TEXT, color: LIMIT, position, formatter: '{b}' } }
    }),
  }
}

/** Bars, each with its name before it and its median after it; a whisker reaches from the least to the most. */
export function barChart({ title, label, bars }: BarChart): string {
  const ends = bars.flatMap(({ figure }) => [figure.least, figure.most])
  const medians = bars.map(({ figure }) => figure.median)
  const whiskers = bars.map(({ name, figure }): [WhiskerEnd, WhiskerEnd] => [
    { coord: [figure.least, name] },
    { coord: [figure.most, name] },
  ])
  const medianText = ({ dataIndex = 0 }) => numberText(medians[dataIndex] as number)
  return draw(BAR_FRAME.top + bars.length * BAR_STEP + BAR_FRAME.bottom, title, {
    grid: BAR_FRAME,
    xAxis: { name: label, nameGap: NAME_GAP.x, ...scale('log', ends) },
    yAxis: { type: 'category', inverse: true, data: bars.map(({ name }) => name) },
    series: {
      type: 'bar',
      barWidth: BAR_STEP / 2,
      data: medians,
      markLine: {
        symbol: 'rect',
        symbolSize: [10, 1.5],
        lineStyle: { color: INK, type: 'solid' },
        label: { ...TEXT, position: 'end', formatter: medianText },
        data: whiskers,
      },
    },
  })
}

function scale(type: AxisType, values: readonly number[]) {
  const ends = type === 'log' ? powersOfTenAround(values) : { min: 0 }
  return { type, ...ends, axisLabel: { formatter: numberText } }
}

function powersOfTenAround(values: readonly number[]) {
  if (values.some((value) => !(value > 0))) throw new RangeError('numbers must be above 0')
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))))
  // A bar begins at `startValue`, by default at 1.
  return { min: 10 ** low, startValue: 10 ** low, max: 10 ** high }
}

function draw(height: number, title: string, option: EChartsOption): string {
  const chart = init(null, THEME, { renderer: 'svg', ssr: true, width: WIDTH, height })
  chart.setOption({ animation: false, title: { text: title }, ...option })
  const svg = chart.renderToSVGString()
  chart.dispose()
  // For readers who do not see the picture; ECharts writes the title only as a text in it.
  const titled = (head: string): string => `${head}\n<title>${format.encodeHTML(title)}</title>`
  return `${withoutNumbers(svg).replace(/^<svg [^>]*>/, titled)}\n`
}

/**
 * ECharts numbers its classes and clip paths from picture to picture, and the same figures must make the same text. Classes
 * and `ecmeta` attributes serve a pointer that hovers, which a picture does not have.
 */
function withoutNumbers(svg: string): string {
  return svg
    .replaceAll(/ (?:class="zr\d+-cls-\d+"|ecmeta_\w+="\w+")/g, '')
    .replaceAll(/(id="|="url\(#)zr\d+-/g, '$1')
    .replace(/<style ?>.*<\/style>\n?/s, '')
}

/** Short, for there is little room beside an axis: `100K`, `1M`. */
function numberText(value: number): string {
  return value.toLocaleString('en', { notation: 'compact', maximumSignificantDigits: 3 })
}
