/**
 * Answers a run over lines while it runs: NDJSON with reports on single lines, progress, and a last line that says how the run
 * ended. It never waits for the caller to read, since a caller may send everything before it reads anything: beyond a bound,
 * reports on single lines are omitted and counted.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { discardRest, readChunks } from '../../../http/body/chunks.ts'
import { toProblem } from '../../../http/errors/problem-response.ts'
import type { Replyable } from '../../../http/reply/reply.ts'
import { scrubSecrets } from '../../../http/telemetry/scrub.ts'
import type { AdminContext } from '../guard.ts'
import type { LineProgress, LineResult } from './line-run.ts'

/** Most bytes of the answer that may wait to be read, without the last line. */
const MAX_UNREAD_BYTES = 256 * 1_024
/** Lines in one write: about 25 KiB. */
const LINES_AT_ONCE = 200

/** The answer of one run. */
interface LineReport {
  /** Whether the status has been sent; from then on an error can only be reported by the last line. */
  readonly hasBegun: boolean
  progress(progress: LineProgress): Promise<void>
  /** Writes the last line of a run that is complete; does not end the answer. */
  done(result: LineResult): void
  /** Writes the last line of a run that failed; does not end the answer. */
  failed(error: string): void
}

/**
 * Makes the report of a request. Nothing is sent before the first progress, or the last line.
 *
 * @param omittedName the member for the number of omitted reports
 */
function createLineReport(ctx: Replyable, omittedName: string): LineReport {
  const { res } = ctx
  let hasBegun = false
  let omitted = 0
  let reached: object = { through: 0 }

  function begin(): void {
    if (hasBegun) return
    hasBegun = true
    ctx.respond = false
    res.statusCode = 200
    res.setHeader('Content-Type', 'application/x-ndjson')
  }

  function write(lines: readonly object[]): void {
    // Member names are the caller's text, and may be secrets.
    const text = lines.map((line) => `${scrubSecrets(JSON.stringify(line))}\n`).join('')
    if (!res.destroyed) res.write(text)
  }

  function last(members: object): void {
    begin()
    write([{ ...members, ...(omitted === 0 ? {} : { [omittedName]: omitted }) }])
  }

  const hasRoom = (): boolean => res.writableLength < MAX_UNREAD_BYTES

  return {
    get hasBegun() {
      return hasBegun
    },

    async progress({ through, counts, reports }) {
      begin()
      reached = { through, ...counts }
      for (let start = 0; start < reports.length; start += LINES_AT_ONCE) {
        const part = reports.slice(start, start + LINES_AT_ONCE)
        if (hasRoom()) {
          write(part)
          // The socket accepts data only after this turn of the event loop.
          await turn()
        } else omitted += part.length
      }
      if (hasRoom()) write([reached])
    },

    done: ({ lines, counts }) => last({ done: true, lines, ...counts }),
    failed: (error) => last({ done: false, error, ...reached }),
  }
}

/**
 * Answers a request whose body is lines with the reports of a run. An error before the first report becomes the answer; a later
 * one is reported by the last line, and thrown for the log.
 *
 * @param run carries out the lines; it gets the chunks of the body and the function to report to
 */
export async function answerWhileRunning(
  ctx: AdminContext,
  omittedName: string,
  run: (
    readAll: (signal: AbortSignal) => AsyncIterable<Buffer>,
    progress: LineReport['progress'],
  ) => Promise<LineResult>,
): Promise<void> {
  const { req, res } = ctx
  const report = createLineReport(ctx, omittedName)
  try {
    report.done(await run((signal) => readChunks(req, { signal }), report.progress))
    res.end()
  } catch (error) {
    const rest = discardRest(req)
    if (report.hasBegun) {
      const { slug } = toProblem(error)
      ctx.state.error = slug
      report.failed(slug)
      // Ends the answer only after the body: otherwise a connection without keep-alive would close before a caller that is
      // still sending has read the last line.
      await rest
      res.end()
    }
    throw error
  }
}
