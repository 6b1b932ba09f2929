/**
 * Restores revocations after a failover that lost the last writes: the new primary may not have them. The same scripts
 * write them again. They only add to what is void, so any number of nodes may restore the same revocation: nothing changes
 * and no event is published when it is there already.
 */

import type { FeedEvent } from '../../client/src/wire/index.ts'
import type { LoggedRevocation } from '../change-log.ts'
import type { StoreContext } from '../context.ts'
import type { PartitionNumber } from '../partitions.ts'
import { type CutoffReply, type CutoffText, createCutoffWriter } from './cutoffs.ts'

/**
 * Restores one revocation in its partition. Returns whether it was missing.
 *
 * @throws {StoreUnavailableError} when it may not be restored; try again
 */
export type RestoreRevocation = (
  partition: PartitionNumber,
  event: FeedEvent,
  revocation: LoggedRevocation,
) => Promise<boolean>

/** Marks a revocation that was in force before, for lua/include/cutoff.lua. */
const RESTORED = '!'

/** Makes the restorer of a store. */
export function createRestorer(context: StoreContext): RestoreRevocation {
  const { keys, partitions } = context
  const cutoffs = createCutoffWriter(context)

  /** `undefined` when the event is no revocation. */
  function write(
    partition: PartitionNumber,
    event: FeedEvent,
    text: CutoffText,
  ): Promise<CutoffReply> | undefined {
    const { cutoff } = keys.partition(partition)
    const located = (publicId: string) => ({
      local: '',
      hash: '',
      ...partitions.parsePublicId(publicId),
      partition,
    })
    switch (event.type) {
      case 'token':
        return cutoffs.token(located(event.jti), text)
      case 'grant':
        return cutoffs.grant(located(event.grant_id), text)
      case 'session':
        return cutoffs.session(located(event.sid), text)
      case 'subject':
        return cutoffs.wide(partition, cutoff.subject(event.sub), text)
      case 'subject_client':
        return cutoffs.wide(partition, cutoff.subjectClient(event.sub, event.client_id), text)
      case 'client':
        return cutoffs.wide(partition, cutoff.client(event.client_id), text)
      case 'all':
        return cutoffs.wide(partition, cutoff.all, text)
      default:
        return undefined
    }
  }

  return async (partition, event, { cutoffUs, afterUs, details }) => {
    const writeUntil = (cutoff: string) => {
      const issueSpan =
        afterUs === undefined ? cutoff : `${afterUs.toFixed(0)}-${cutoff}${RESTORED}`
      return write(partition, event, { issueSpan, details, event: JSON.stringify(event) })
    }
    let reply = await writeUntil(cutoffUs.toFixed(0))
    // The clock of the new primary is far behind the old one's: everything issued until now is meant.
    if (reply?.outcome === 'future') reply = await writeUntil('')
    return reply?.outcome === 'revoked' && reply.seq !== ''
  }
}
