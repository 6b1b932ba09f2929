/** What an assignment takes of Redis, and waiting until Redis has no other work left of it. */
import { createKeys } from '../../store/keys.ts'
import { waitFor } from '../../test/fixture/wait-for.ts'
import type { Installation } from '../installation.ts'
import { PARTITIONS } from '../partitions.ts'

const REWRITE_TIMEOUT_MS = 60_000

/** Bytes of Redis in use, without the logs: what they hold for the time being is no part of an assignment. */
export async function usedBytes({ redis: { direct } }: Installation): Promise<number> {
  const keys = createKeys('cc', PARTITIONS)
  const logs = Array.from({ length: PARTITIONS.count }, (_, n) => keys.partition(n).log)
  const sizes = await Promise.all(
    logs.map((log) => direct.call('MEMORY', 'USAGE', log, 'SAMPLES', 0) as Promise<number | null>),
  )
  const used = Number(/^used_memory:(\d+)/m.exec(await direct.info('memory'))?.[1])
  return used - sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
}

/** Resolves when Redis no longer rewrites its append-only file, which it does by itself after much was written. */
export async function settled({ redis: { direct } }: Installation): Promise<void> {
  const isSettled = /aof_rewrite_in_progress:0\s+aof_rewrite_scheduled:0/
  await waitFor(async () => isSettled.test(await direct.info('persistence')), REWRITE_TIMEOUT_MS)
}
