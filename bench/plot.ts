/**
 * Pictures for the report, as SVG text: lines over two logarithmic axes, lines over time, and bars with their spread. The
 * same figures always make the same text. They stand on a white ground of their own, so that they can be read on a dark page
 * too, and take nothing from outside the picture.
 */
import type { Figure } from './figure.ts'

/** One line: its points from left to right. On a logarithmic axis every number must be above 0. */
export interface Line {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** A mark across the picture: what must not be exceeded. */
export interface Mark {
  readonly name: string
  readonly at: number
}

/** A picture of lines. Units stand in the labels. */
export interface LineChart {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly lines: readonly Line[]
  /** Horizontal marks. */
  readonly limits?: readonly Mark[]
}

/** One bar: as long as the median, with a whisker from the least to the most. */
export interface Bar {
  readonly name: string
  readonly figure: Figure
}

/** A picture of bars beside each other, the first on top. The scale is logarithmic: every number must be above 0. */
export interface BarChart {
  readonly title: string
  /** Of the figures, with the unit. */
  readonly label: string
  readonly bars: readonly Bar[]
}

interface Axis {
  readonly ticks: readonly number[]
  /** Where a number lies, from 0 to 1. */
  place(value: number): number
}

interface Frame {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

const WIDTH = 860
const HEIGHT = 440
const TITLE_HEIGHT = 44
const LABEL_HEIGHT = 56
const LEGEND_WIDTH = 210
const LEGEND_STEP = 22
const LEFT = 84
const BAR_STEP = 30
const BAR_HEIGHT = 16
const NAME_WIDTH = 290
const VALUE_WIDTH = 90
const LINEAR_TICKS = 6
/** Told apart by those who see colours differently, too. */
const COLOURS = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#a6457a',
  '#b07d00',
  '#3b3b3b',
  '#4aa3d9',
] as const
const DASHES = ['', '7 4', '2 3'] as const
const INK = '#222222'
const GRID = '#dddddd'
const MARK = '#b00020'

/** Lines over two logarithmic axes. */
export function logLogChart(chart: LineChart): string {
  const points = chart.lines.flatMap((line) => line.points)
  const limits = (chart.limits ?? []).map(({ at }) => at)
  const x = logAxis(points.map(([at]) => at))
  const y = logAxis([...points.map(([, height]) => height), ...limits])
  return lineChart(chart, x, y)
}

/** Lines over time: from the start to the right, from 0 upwards. */
export function timeChart(chart: LineChart): string {
  const points = chart.lines.flatMap((line) => line.points)
  const limits = (chart.limits ?? []).map(({ at }) => at)
  const x = linearAxis(points.map(([at]) => at))
  const y = linearAxis([...points.map(([, height]) => height), ...limits])
  return lineChart(chart, x, y)
}

/** Bars, each with its name before it and its median behind it. */
export function barChart({ title, label, bars }: BarChart): string {
  const ends = bars.flatMap(({ figure }) => [figure.least, figure.most])
  const axis = logAxis(ends)
  const height = TITLE_HEIGHT + bars.length * BAR_STEP + LABEL_HEIGHT
  const frame = {
    left: NAME_WIDTH,
    right: WIDTH - VALUE_WIDTH,
    top: TITLE_HEIGHT,
    bottom: height - LABEL_HEIGHT,
  }
  return picture(height, title, [
    ...axis.ticks.flatMap((tick) => verticalTick(frame, axis, tick)),
    ...bars.flatMap((bar, index) => barParts(frame, axis, bar, index)),
    segment(frame.left, frame.top, frame.left, frame.bottom, INK),
    xLabel(frame, label),
  ])
}

function barParts(frame: Frame, axis: Axis, { name, figure }: Bar, index: number): string[] {
  const middle = frame.top + (index + 0.5) * BAR_STEP
  const x = (value: number): number => across(frame, axis, value)
  const length = Math.max(1, x(figure.median) - frame.left)
  const whisker = [x(figure.least), x(figure.most)] as const
  const behind = Math.max(whisker[1], x(figure.median)) + 8
  return [
    text(frame.left - 8, middle + 4, name, 'end'),
    `<rect x="${at(frame.left)}" y="${at(middle - BAR_HEIGHT / 2)}" width="${at(length)}" height="${BAR_HEIGHT}" fill="${colour(0)}"/>`,
    segment(whisker[0], middle, whisker[1], middle, INK),
    ...whisker.map((end) => segment(end, middle - 5, end, middle + 5, INK)),
    text(behind, middle + 4, numberText(figure.median), 'start'),
  ]
}

function lineChart(chart: LineChart, x: Axis, y: Axis): string {
  const frame = {
    left: LEFT,
    right: WIDTH - LEGEND_WIDTH,
    top: TITLE_HEIGHT,
    bottom: HEIGHT - LABEL_HEIGHT,
  }
  const middle = (frame.top + frame.bottom) / 2
  const yLabel = `<text transform="translate(18 ${at(middle)}) rotate(-90)" text-anchor="middle">${escaped(chart.yLabel)}</text>`
  return picture(HEIGHT, chart.title, [
    ...x.ticks.flatMap((tick) => verticalTick(frame, x, tick)),
    ...y.ticks.flatMap((tick) => horizontalTick(frame, y, tick)),
    segment(frame.left, frame.top, frame.left, frame.bottom, INK),
    segment(frame.left, frame.bottom, frame.right, frame.bottom, INK),
    ...limitParts(frame, y, chart.limits ?? []),
    ...chart.lines.map((line, index) => lineParts(frame, x, y, line, index)),
    ...chart.lines.flatMap(({ name }, index) => legendParts(frame, name, index)),
    xLabel(frame, chart.xLabel),
    yLabel,
  ])
}

/** More points than this stand too close to be told apart. */
const MOST_DOTS = 40

function lineParts(frame: Frame, x: Axis, y: Axis, { points }: Line, index: number): string {
  const places = points.map(
    ([px, py]) => [at(across(frame, x, px)), at(upwards(frame, y, py))] as const,
  )
  const dots = places.length > MOST_DOTS ? [] : places
  return [
    `<polyline points="${places.map((place) => place.join(',')).join(' ')}" fill="none" stroke="${colour(index)}" stroke-width="2"${dashOf(index)}/>`,
    ...dots.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3.5" fill="${colour(index)}"/>`),
  ].join('')
}

function legendParts(frame: Frame, name: string, index: number): string[] {
  const [left, middle] = [frame.right + 16, frame.top + 10 + index * LEGEND_STEP]
  return [
    `<path d="M${left} ${middle}h26" stroke="${colour(index)}" stroke-width="2.5"${dashOf(index)}/>`,
    text(left + 34, middle + 4, name, 'start'),
  ]
}

/** The name of the lowest stands below it, so that two that lie close can both be read. */
function limitParts(frame: Frame, axis: Axis, limits: readonly Mark[]): string[] {
  const lowest = Math.min(...limits.map((mark) => mark.at))
  return limits.flatMap((mark) => {
    const y = upwards(frame, axis, mark.at)
    const baseline = limits.length > 1 && mark.at === lowest ? y + 15 : y - 5
    return [
      segment(frame.left, y, frame.right, y, MARK, '5 4'),
      text(frame.left + 8, baseline, mark.name, 'start', MARK),
    ]
  })
}

function verticalTick(frame: Frame, axis: Axis, tick: number): string[] {
  const x = across(frame, axis, tick)
  return [
    segment(x, frame.top, x, frame.bottom, GRID),
    text(x, frame.bottom + 18, tickText(tick), 'middle'),
  ]
}

function horizontalTick(frame: Frame, axis: Axis, tick: number): string[] {
  const y = upwards(frame, axis, tick)
  return [
    segment(frame.left, y, frame.right, y, GRID),
    text(frame.left - 8, y + 4, tickText(tick), 'end'),
  ]
}

function xLabel(frame: Frame, label: string): string {
  return text((frame.left + frame.right) / 2, frame.bottom + 42, label, 'middle')
}

/** Whole powers of ten around everything. */
function logAxis(values: readonly number[]): Axis {
  if (values.some((value) => !(value > 0)))
    throw new RangeError('only numbers above 0 have a place')
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))))
  const ticks = Array.from({ length: high - low + 1 }, (_, n) => 10 ** (low + n))
  return { ticks, place: (value) => (Math.log10(value) - low) / (high - low) }
}

/** From 0 to a round number above everything. */
function linearAxis(values: readonly number[]): Axis {
  const step = roundStep(Math.max(...values) / LINEAR_TICKS)
  const count = Math.max(1, Math.ceil(Math.max(...values) / step))
  const ticks = Array.from({ length: count + 1 }, (_, n) => n * step)
  return { ticks, place: (value) => value / (count * step) }
}

/** The next of 1, 2 and 5 times a power of ten. */
function roundStep(least: number): number {
  if (!(least > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(least))
  return (([1, 2, 5].find((digit) => digit * power >= least) as number) ?? 10) * power
}

function across({ left, right }: Frame, axis: Axis, value: number): number {
  return left + (right - left) * axis.place(value)
}

function upwards({ top, bottom }: Frame, axis: Axis, value: number): number {
  return bottom - (bottom - top) * axis.place(value)
}

function picture(height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="13" fill="${INK}">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="16" y="26" font-size="16" font-weight="600">${escaped(title)}</text>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}

function segment(
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  stroke: string,
  dash?: string,
): string {
  const dashed = dash === undefined ? '' : ` stroke-dasharray="${dash}"`
  return `<path d="M${at(x1)} ${at(y1)}L${at(x2)} ${at(y2)}" stroke="${stroke}"${dashed}/>`
}

function text(
  x: number,
  y: number,
  content: string,
  anchor: 'start' | 'middle' | 'end',
  fill?: string,
): string {
  // What stands inside the picture has a rim of the ground's colour, for the lines it may cross.
  const filled =
    fill === undefined
      ? ''
      : ` fill="${fill}" stroke="#ffffff" stroke-width="3" paint-order="stroke"`
  return `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}"${filled}>${escaped(content)}</text>`
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] as string
}

/** Lines that share a colour differ in their dashes. */
function dashOf(index: number): string {
  const dash = DASHES[Math.floor(index / COLOURS.length) % DASHES.length]
  return dash === '' ? '' : ` stroke-dasharray="${dash}"`
}

/** A tenth of a pixel is enough, and keeps the text the same everywhere. */
function at(place: number): string {
  return String(Math.round(place * 10) / 10)
}

function numberText(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 3 })
}

function escaped(content: string): string {
  return content.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** Short, for there is little room beside an axis: `100K`, `1M`. */
function tickText(value: number): string {
  return value.toLocaleString('en', { notation: 'compact', maximumSignificantDigits: 3 })
}
