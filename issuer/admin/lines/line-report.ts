/**
 * The answer of a run over lines, written while it runs: NDJSON with what is told of single lines, the progress, and a last
 * line that says how it ended. It never waits to be read, since a caller may send everything before it reads anything: what would grow
 * beyond a bound is left out, and counted.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { discardRest, readChunks } from '../../../http/body/chunks.ts'
import { toProblem } from '../../../http/errors/problem-response.ts'
import type { Replyable } from '../../../http/reply/reply.ts'
import { scrubSecrets } from '../../../http/telemetry/scrub.ts'
import type { AdminContext } from '../guard.ts'
import type { LineProgress, LineResult } from './line-run.ts'

/** Most bytes of the answer that wait to be read, the last lines aside. */
const MAX_UNREAD_BYTES = 256 * 1_024
/** Lines written in one go: about 25 KiB. */
const LINES_AT_ONCE = 200

/** The answer of one run. */
interface LineReport {
  /** Whether the status has been sent, so that an error can no longer be an answer of its own. */
  readonly hasBegun: boolean
  progress(progress: LineProgress): Promise<void>
  /** Writes the last line of a run that came to its end; the answer is still to be ended. */
  done(result: LineResult): void
  /** Writes the last line of one that did not; likewise. */
  failed(error: string): void
}

/**
 * Makes the report of a request. Nothing is sent before the first progress, or the last line.
 *
 * @param omittedName what the number of lines left out is called
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
    // Member names are the caller's own words.
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

    async progress({ through, counts, told }) {
      begin()
      reached = { through, ...counts }
      for (let start = 0; start < told.length; start += LINES_AT_ONCE) {
        const part = told.slice(start, start + LINES_AT_ONCE)
        if (hasRoom()) {
          write(part)
          // The socket takes what it can only once this turn of the event loop is over.
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
 * Answers a request whose body is lines with what becomes of them, while it runs. An error before anything was told is
 * thrown to be answered as such; after that the last line tells it.
 *
 * @param run carries the lines out; given the pieces of the body and where to report
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
      // Ended at once, a connection that is not kept would be cut before a peer that is still sending has read this.
      await rest
      res.end()
    }
    throw error
  }
}
