/**
 * Bulk work over a file or a pipe, as the operator sees it: it shows progress, saves its position, resumes there when the
 * same command is given again, and says after a stop what is done. All work is idempotent, so resuming only saves time.
 */

import { CliError, EXIT } from '../exit.ts'
import type { ByteSource } from '../input/input.ts'
import type { Run } from '../run.ts'
import type { Json } from '../service/api.ts'
import { count, type Position, startProgress } from '../terminal/progress.ts'
import { type BulkItem, type Counts, runBulk } from './bulk.ts'
import { openResumeFile, type ResumeFile } from './resume-file.ts'

/** The work. */
export interface FileWork {
  readonly source: ByteSource
  /** What the items are called, in the plural. */
  readonly noun: string
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  /** Identifies the run, together with the file and the server; undefined for a run that cannot be resumed. */
  readonly identity: readonly string[] | undefined
  readonly fromStart: boolean
  /** The items to send, from a position on. */
  readonly items: (done: Position) => AsyncIterable<BulkItem>
  readonly answered: (item: BulkItem, answer: Json) => Promise<void> | void
  /** Called when everything up to a position of the source is done. */
  readonly through?: (position: Position, counts: Counts) => Promise<void> | void
  /** The counts so far, to be saved. */
  readonly counts: () => Counts
  /** Takes over the counts of an earlier run. */
  readonly restore: (counts: Counts) => void
}

const SAVE_EVERY_MS = 1_000
const START: Position = { items: 0, bytes: 0 }

/** Does the work. @returns how many seconds it took */
export async function workThrough(run: Run, work: FileWork): Promise<number> {
  const { report, environment } = run
  const { elapsedMs, random, interrupted } = environment
  const api = await run.api()
  const resumeFile = await resumeFileOf(run, work, api.profile.issuer)
  const earlier = work.fromStart ? undefined : await resumeFile?.read()
  if (earlier !== undefined) {
    work.restore(earlier.counts)
    report.note(`Resuming after ${count(earlier.items)} ${work.noun} (--from-start starts over).`)
  }
  let position: Position = earlier ?? START
  const startedMs = elapsedMs()
  let savedMs = startedMs
  const save = () => resumeFile?.write({ ...position, counts: work.counts() })
  report.ignoreClosedOutput()
  const { source, noun } = work
  const shown = { noun, totalBytes: source.totalBytes, start: position }
  const progress = startProgress(environment, report, shown)
  try {
    const { path, query } = work
    const bulk = { path, items: work.items(position), random, interrupted }
    await runBulk(api, query === undefined ? bulk : { ...bulk, query }, {
      answered: work.answered,
      async through(item, counts) {
        position = { items: item.number, bytes: item.end }
        await work.through?.(position, counts)
        progress.at(position)
        if (elapsedMs() - savedMs < SAVE_EVERY_MS) return
        savedMs = elapsedMs()
        await save()
      },
    })
    progress.end()
    await resumeFile?.remove()
    return (elapsedMs() - startedMs) / 1_000
  } catch (error) {
    progress.end()
    const canResume = resumeFile !== undefined && position.items > 0
    if (canResume) await save()
    throw withProgress(error, position, noun, canResume)
  }
}

async function resumeFileOf(
  { environment }: Run,
  { source, identity }: FileWork,
  issuer: string,
): Promise<ResumeFile | undefined> {
  if (identity === undefined || source.path === undefined) return undefined
  return openResumeFile(environment, source.path, [issuer, ...identity])
}

/** The error with a hint that says what is done and how to continue. */
function withProgress(
  error: unknown,
  { items }: Position,
  noun: string,
  canResume: boolean,
): unknown {
  if (!(error instanceof CliError) || error.exitCode === EXIT.usage) return error
  const done =
    items === 0 ? 'Nothing is done yet.' : `${count(items)} ${noun} are done and stay done.`
  const next = canResume
    ? 'Give the same command again to resume there; --from-start starts over.'
    : 'It is safe to repeat it from the start.'
  return new CliError(error.exitCode, error.message, `${done} ${next}`, { cause: error })
}
