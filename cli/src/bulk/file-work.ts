/**
 * Bulk work over a file or a pipe, from the person's side: shows progress, remembers how far it came, goes on from there
 * when the same command is given again, and says after a stop what is done. Work that is done stays done, and doing it
 * twice changes nothing; so going on is a convenience, never a need.
 */

import { CliError, EXIT } from '../exit.ts'
import type { ByteSource } from '../input/input.ts'
import type { Run } from '../run.ts'
import type { Json } from '../service/api.ts'
import { count, type Position, startProgress } from '../terminal/progress.ts'
import { type BulkItem, runBulk } from './bulk.ts'
import { openResumeFile, type ResumeFile } from './resume-file.ts'

/** Numbers by name. */
export type Counts = Readonly<Record<string, number>>

/** The work. */
export interface FileWork {
  readonly source: ByteSource
  /** Plural, for people. */
  readonly noun: string
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  /** What makes this run the same as an earlier one, beside the file and the server; undefined when it cannot go on. */
  readonly identity: readonly string[] | undefined
  readonly fromStart: boolean
  /** What to send, after so much has been done already. */
  readonly items: (done: Position) => AsyncIterable<BulkItem>
  readonly answered: (item: BulkItem, answer: Json) => Promise<void> | void
  /** Called when everything up to a position of the source is done. */
  readonly through?: (position: Position, counts: Counts) => Promise<void> | void
  /** What has been counted so far, to be kept. */
  readonly counts: () => Counts
  /** Takes over what an earlier run has counted. */
  readonly restore: (counts: Counts) => void
}

const SAVE_EVERY_MS = 1_000
const START: Position = { items: 0, bytes: 0 }

/** Does the work. @returns seconds it took */
export async function workThrough(run: Run, work: FileWork): Promise<number> {
  const { report, environment } = run
  const { elapsedMs, random, interrupted } = environment
  const api = await run.api()
  const keeper = await keeperOf(run, work, api.profile.issuer)
  const earlier = work.fromStart ? undefined : await keeper?.read()
  if (earlier !== undefined) {
    work.restore(earlier.counts)
    report.note(`Going on after ${count(earlier.items)} ${work.noun} (--from-start begins anew).`)
  }
  let position: Position = earlier ?? START
  const startedMs = elapsedMs()
  let savedMs = startedMs
  const save = () => keeper?.write({ ...position, counts: work.counts() })
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
    await keeper?.remove()
    return (elapsedMs() - startedMs) / 1_000
  } catch (error) {
    progress.end()
    const mayGoOn = keeper !== undefined && position.items > 0
    if (mayGoOn) await save()
    throw stopped(error, position, noun, mayGoOn)
  }
}

async function keeperOf(
  { environment }: Run,
  { source, identity }: FileWork,
  issuer: string,
): Promise<ResumeFile | undefined> {
  if (identity === undefined || source.path === undefined) return undefined
  return openResumeFile(environment, source.path, [issuer, ...identity])
}

function stopped(error: unknown, { items }: Position, noun: string, mayGoOn: boolean): unknown {
  if (!(error instanceof CliError)) return error
  if (error.exitCode === EXIT.usage) return error
  const done =
    items === 0 ? 'Nothing is done yet.' : `${count(items)} ${noun} are done and stay done.`
  const next = mayGoOn
    ? 'Give the same command again to go on from there, with --from-start to begin anew.'
    : 'Repeating from the start is safe.'
  return new CliError(error.exitCode, error.message, `${done} ${next}`, { cause: error })
}
