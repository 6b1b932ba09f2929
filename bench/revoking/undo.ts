/**
 * Undoes a revocation by hand in Redis: its cutoffs are deleted, the index of the subject is put back as it was, and the same
 * tokens are live again. To issue a hundred thousand for each round would take minutes.
 */
import { waitFor } from '../../test/fixture/wait-for.ts'
import { settled } from '../roles/redis-bytes.ts'
import type { Holder } from './holder.ts'
import { partitionOf, type Target } from './levels.ts'

const KEPT = 'bench:index:'

/** Keeps the index of the holder, for as long as Redis runs. */
export async function keepIndex({ installation, sub }: Holder): Promise<void> {
  await installation.redis.direct.copy(partitionOf(sub).index(sub), KEPT + sub, 'REPLACE')
}

/** Makes the tokens live again, and waits until Redis has nothing left to do for it. */
export async function undo({ installation, sub }: Holder, { cutoffs }: Target): Promise<void> {
  const { direct } = installation.redis
  const index = partitionOf(sub).index(sub)
  await direct.del(...cutoffs)
  if ((await direct.zcard(index)) !== (await direct.zcard(KEPT + sub))) {
    await direct.copy(KEPT + sub, index, 'REPLACE')
  }
  await settled(installation)
  await waitFor(async () => /^lazyfree_pending_objects:0/m.test(await direct.info('memory')))
}
