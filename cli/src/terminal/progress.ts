/**
 * Shows the progress of long work on standard error: on a terminal a bar with rate and remaining time, elsewhere a line
 * every few seconds.
 */
import { SingleBar } from 'cli-progress'
import type { Environment } from '../environment.ts'
import { formatSpan } from './moment.ts'
import type { Report } from './report.ts'

/** A position in the work. */
export interface Position {
  readonly items: number
  /** Bytes of the source read so far. */
  readonly bytes: number
}

/** The work. */
export interface Work {
  /** Plural, such as `lines`. */
  readonly noun: string
  /** The size of the source; undefined for a pipe. */
  readonly totalBytes: number | undefined
  readonly start: Position
}

/** Shows progress until it is ended. */
export interface Progress {
  at(position: Position): void
  end(): void
}

const PLAIN_EVERY_MS = 5_000
/** Work that is shorter gets no bar. */
const SILENT_MS = 700
const FRAMES_PER_SECOND = 10
const MAX_BAR = 30
const MIN_BAR = 4

type ProgressEnvironment = Pick<Environment, 'stderr' | 'elapsedMs'>

/** Starts to show progress. */
export function startProgress(
  { stderr, elapsedMs }: ProgressEnvironment,
  report: Report,
  work: Work,
): Progress {
  const startedMs = elapsedMs()
  let last = work.start
  const state = () => progressText(work, last, (elapsedMs() - startedMs) / 1_000)
  return stderr.isTTY === true ? bar() : plain()

  function bar(): Progress {
    const columns = stderr.columns || 80
    const single = new SingleBar({
      stream: stderr,
      fps: FRAMES_PER_SECOND,
      linewrap: null,
      hideCursor: null,
      gracefulExit: false,
      format: (_options, { progress }) => barText(progress, state(), columns),
    })
    let isShown = false
    return {
      at(position) {
        last = position
        if (isShown) single.update(position.bytes)
        else if (elapsedMs() - startedMs >= SILENT_MS) {
          isShown = true
          single.start(work.totalBytes ?? 0, position.bytes)
        }
      },
      end() {
        if (!isShown) return
        single.update(last.bytes)
        single.stop()
      },
    }
  }

  function plain(): Progress {
    let saidMs = startedMs
    return {
      at(position) {
        last = position
        if (elapsedMs() - saidMs < PLAIN_EVERY_MS) return
        saidMs = elapsedMs()
        report.note(state())
      },
      end() {
        if (saidMs > startedMs) report.note(state())
      },
    }
  }
}

/** A text such as `420,000 lines, 42%, 25,300/s, 23 s left`. */
export function progressText(work: Work, { items, bytes }: Position, seconds: number): string {
  const { noun, totalBytes, start } = work
  const rate = seconds > 0 ? (items - start.items) / seconds : 0
  const bytesPerSecond = seconds > 0 ? (bytes - start.bytes) / seconds : 0
  const parts = [`${count(items)} ${noun}`]
  if (totalBytes !== undefined && totalBytes > 0) {
    parts.push(`${Math.floor((100 * Math.min(bytes, totalBytes)) / totalBytes)}%`)
  }
  parts.push(`${count(rate)}/s`)
  const left = (totalBytes ?? 0) - bytes
  if (left > 0 && bytesPerSecond > 0) parts.push(`${formatSpan(left / bytesPerSecond)} left`)
  return parts.join(', ')
}

/** A bar and a text in one line of the terminal; only the text when there is no room for both. */
export function barText(done: number, text: string, columns: number): string {
  // Some terminals start a new line when the last column is filled.
  const room = columns - 1
  const width = Math.min(MAX_BAR, room - text.length - 1)
  if (width < MIN_BAR || !Number.isFinite(done)) return text.slice(0, room)
  const filled = Math.round(width * Math.min(1, Math.max(0, done)))
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${text}`
}

/** A whole number with thousands separators. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
