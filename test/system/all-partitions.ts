/** What tests of a change in every partition look at. */
import { createKeys } from '../../store/keys.ts'
import { createPartitions } from '../../store/partitions.ts'
import type { TestRedis } from '../fixture/redis-server.ts'

const PARTITIONS = createPartitions(64)
const KEYS = createKeys('cc', PARTITIONS)

/** For each partition of 64 one subject that lives there. */
export const SUBJECTS_OF_ALL_PARTITIONS = findSubjects()

function findSubjects(): readonly string[] {
  const subjects = new Map<number, string>()
  for (let n = 0; subjects.size < PARTITIONS.count; n++) {
    const sub = `user-${n}`
    if (!subjects.has(PARTITIONS.of(sub))) subjects.set(PARTITIONS.of(sub), sub)
  }
  return [...subjects.values()]
}

/** Which registrations of a client the partitions hold, without repeats. */
export async function registrationsOf(
  { direct }: TestRedis,
  clientId: string,
): Promise<readonly (string | null)[]> {
  const records = Array.from({ length: PARTITIONS.count }, (_, n) =>
    direct.hget(KEYS.partition(n).clients, `c:${clientId}`),
  )
  return [...new Set(await Promise.all(records))]
}
