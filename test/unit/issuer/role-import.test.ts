/** The import without HTTP and without a store: what is held, in which order it is applied, how it ends. */
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { LineProgress } from '../../../issuer/admin/lines/line-run.ts'
import { runImport, WINDOW_SIZE } from '../../../issuer/admin/roles/import.ts'
import type { AssignmentChange, AssignmentOutcome } from '../../../store/roles/assignments.ts'

const LINES_A_CHUNK = 500

const lineOf = (n: number): string =>
  `${JSON.stringify({ op: 'assign', subject: 'alice', context: `course:${n}`, role: 'teacher' })}\n`

/** So many lines in chunks, then perhaps an error; counts what was taken. */
function source(count: number, error?: Error) {
  const taken = { lines: 0 }
  async function* readChunks(signal: AbortSignal): AsyncGenerator<Buffer> {
    while (taken.lines < count) {
      signal.throwIfAborted()
      const chunk = Array.from({ length: LINES_A_CHUNK }, () => lineOf(++taken.lines)).join('')
      yield Buffer.from(chunk)
    }
    if (error !== undefined) throw error
  }
  return { taken, readChunks }
}

const assigned = (changes: readonly AssignmentChange[]): AssignmentOutcome[] =>
  changes.map(() => 'assigned')

function recorder() {
  const reports: LineProgress[] = []
  return { reports, report: async (progress: LineProgress) => void reports.push(progress) }
}

describe('an import', () => {
  it('holds three windows, however much there is to read', async () => {
    const { taken, readChunks } = source(20 * WINDOW_SIZE)
    const gate = Promise.withResolvers<void>()
    const { report } = recorder()
    let applied = 0
    const running = runImport({
      readChunks,
      report,
      async apply(changes) {
        await gate.promise
        applied += changes.length
        return assigned(changes)
      },
    })
    // It would read on in any of these turns if it could.
    for (let i = 0; i < 1_000; i++) await turn()
    expect(applied).toBe(0)
    expect(taken.lines).toBeLessThanOrEqual(3 * WINDOW_SIZE + LINES_A_CHUNK)
    gate.resolve()
    expect(await running).toMatchObject({ lines: 20 * WINDOW_SIZE })
  })

  it('begins windows in the order of the file and reports them in it, whichever is done first', async () => {
    const contexts: string[] = []
    const { reports, report } = recorder()
    let under = 0
    const first = Promise.withResolvers<void>()
    await runImport({
      readChunks: source(3 * WINDOW_SIZE).readChunks,
      report,
      async apply(changes) {
        expect(++under).toBeLessThanOrEqual(2)
        contexts.push(...changes.map(({ context }) => context))
        if (contexts.length === WINDOW_SIZE) await first.promise
        else first.resolve()
        under--
        return assigned(changes)
      },
    })
    expect(contexts).toEqual(Array.from({ length: 3 * WINDOW_SIZE }, (_, n) => `course:${n + 1}`))
    expect(reports.map(({ through, counts }) => [through, counts.assigned])).toEqual(
      [1, 2, 3].map((n) => [n * WINDOW_SIZE, n * WINDOW_SIZE]),
    )
  })

  it('applies what was read before the reading failed, and then says so', async () => {
    const { reports, report } = recorder()
    const running = runImport({
      readChunks: source(WINDOW_SIZE + LINES_A_CHUNK, new Error('gone')).readChunks,
      report,
      apply: async (changes) => assigned(changes),
    })
    await expect(running).rejects.toThrow('gone')
    expect(reports.at(-1)).toMatchObject({ through: WINDOW_SIZE + LINES_A_CHUNK })
  })

  it('stops when a window cannot be applied, and applies nothing after it', async () => {
    const { taken, readChunks } = source(20 * WINDOW_SIZE)
    const { reports, report } = recorder()
    let windows = 0
    const running = runImport({
      readChunks,
      report,
      async apply(changes) {
        if (++windows === 2) throw new Error('away')
        return assigned(changes)
      },
    })
    await expect(running).rejects.toThrow('away')
    expect(windows).toBe(2)
    expect(reports.map(({ through }) => through)).toEqual([WINDOW_SIZE])
    expect(taken.lines).toBeLessThanOrEqual(4 * WINDOW_SIZE)
  })

  it('does not wait for a silent peer when a window cannot be applied', async () => {
    async function* readChunks(signal: AbortSignal): AsyncGenerator<Buffer> {
      for (let n = 1; n <= WINDOW_SIZE; n++) yield Buffer.from(lineOf(n))
      await new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      )
    }
    const running = runImport({
      readChunks,
      report: async () => {},
      apply: () => Promise.reject(new Error('away')),
    })
    await expect(running).rejects.toThrow('away')
  })

  it('reports nothing of an empty stream', async () => {
    const { reports, report } = recorder()
    const result = await runImport({
      readChunks: source(0).readChunks,
      report,
      apply: async (changes) => assigned(changes),
    })
    expect(result).toEqual({
      lines: 0,
      counts: { assigned: 0, removed: 0, unchanged: 0, failed: 0 },
    })
    expect(reports).toEqual([])
  })
})
