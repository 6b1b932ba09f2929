/**
 * The answer of an import, written while it runs: NDJSON with the refused lines, the progress, and a last line that says
 * how it ended. It never waits to be read, since a caller may send everything before it reads anything: what would grow
 * beyond a bound is left out, and counted.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Replyable } from '../../http/reply.ts'
import { scrubSecrets } from '../../http/scrub.ts'
import type { ImportProgress, ImportResult } from './role-import.ts'

/** Most bytes of the answer that wait to be read, the last lines aside. */
const MAX_UNREAD_BYTES = 256 * 1_024
/** Lines written in one go: about 25 KiB. */
const LINES_AT_ONCE = 200

/** The answer of one import. */
export interface ImportReport {
  /** Whether the status has been sent, so that an error can no longer be an answer of its own. */
  readonly hasBegun: boolean
  progress(progress: ImportProgress): Promise<void>
  /** Writes the last line of an import that came to its end; the answer is still to be ended. */
  done(result: ImportResult): void
  /** Writes the last line of one that did not; likewise. */
  failed(error: string): void
}

/** Makes the report of a request. Nothing is sent before the first progress, or the last line. */
export function createImportReport(ctx: Replyable): ImportReport {
  const { res } = ctx
  let hasBegun = false
  let errorsOmitted = 0
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
    write([{ ...members, ...(errorsOmitted === 0 ? {} : { errors_omitted: errorsOmitted }) }])
  }

  const hasRoom = (): boolean => res.writableLength < MAX_UNREAD_BYTES

  return {
    get hasBegun() {
      return hasBegun
    },

    async progress({ through, counts, errors }) {
      begin()
      reached = { through, ...counts }
      for (let start = 0; start < errors.length; start += LINES_AT_ONCE) {
        const part = errors.slice(start, start + LINES_AT_ONCE)
        if (hasRoom()) {
          write(part)
          // The socket takes what it can only once this turn of the event loop is over.
          await turn()
        } else errorsOmitted += part.length
      }
      if (hasRoom()) write([reached])
    },

    done: ({ lines, counts }) => last({ done: true, lines, ...counts }),
    failed: (error) => last({ done: false, error, ...reached }),
  }
}
