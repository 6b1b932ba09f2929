/**
 * Where an interrupted run over a file can resume. The position is kept in a file of its own, never beside the input, which
 * may be evidence. Its name is a hash of the input's path, size and time of change, the server and the options, so a run
 * over a changed file starts over. It contains only counts.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, realpath, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '../environment.ts'
import { writePrivate } from '../input/private-file.ts'
import type { Position } from '../terminal/progress.ts'
import type { Counts } from './bulk.ts'

/** The position and the counts of a run. */
interface ResumePoint extends Position {
  readonly counts: Counts
}

/** Reads and writes the resume point of one run. */
export interface ResumeFile {
  read(): Promise<ResumePoint | undefined>
  write(point: ResumePoint): Promise<void>
  remove(): Promise<void>
}

type ResumeEnvironment = Pick<Environment, 'env' | 'home'>

/** Opens the resume file of a run over `file`. `run` is everything else that identifies it. */
export async function openResumeFile(
  { env, home }: ResumeEnvironment,
  file: string,
  run: readonly string[],
): Promise<ResumeFile> {
  const { size, mtimeMs } = await stat(file)
  const identity = JSON.stringify([await realpath(file), size, mtimeMs, ...run])
  const name = createHash('sha256').update(identity).digest('base64url').slice(0, 32)
  const folder = join(env.XDG_STATE_HOME || join(home, '.local', 'state'), 'claimcheck', 'resume')
  const path = join(folder, `${name}.json`)
  return {
    async read() {
      try {
        const point: unknown = JSON.parse(await readFile(path, 'utf8'))
        return isResumePoint(point) ? point : undefined
      } catch {
        // Missing or damaged: starting over does no harm.
        return undefined
      }
    },
    async write(point) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await writePrivate(path, JSON.stringify(point))
    },
    remove: () => rm(path, { force: true }),
  }
}

function isResumePoint(value: unknown): value is ResumePoint {
  const { items, bytes, counts } = (value ?? {}) as Partial<ResumePoint>
  const isCount = (number: unknown) => Number.isSafeInteger(number) && (number as number) >= 0
  return (
    isCount(items) &&
    isCount(bytes) &&
    typeof counts === 'object' &&
    counts !== null &&
    Object.values(counts).every(isCount)
  )
}
