/**
 * Where an interrupted run over a file can go on. One small file for each input, outside of it, because a dump may be
 * evidence: named by a hash of what the run is (the file's path, size and time of change, the server and the options), and
 * holding counts alone. A run over a file that has changed since begins anew.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, realpath, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '../environment.ts'
import { writePrivate } from '../input/private-file.ts'
import type { Position } from '../terminal/progress.ts'

/** How far a run has come, and what it has counted. */
export interface ResumePoint extends Position {
  readonly counts: Readonly<Record<string, number>>
}

/** Keeps the point of one run. */
export interface ResumeFile {
  read(): Promise<ResumePoint | undefined>
  write(point: ResumePoint): Promise<void>
  remove(): Promise<void>
}

type ResumeEnvironment = Pick<Environment, 'env' | 'home'>

/** Makes the keeper for a run over a file. `run` is everything else that makes it this run. */
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
        // None, or one that cannot be read: beginning anew does no harm.
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
