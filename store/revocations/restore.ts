/**
 * Writes a revocation again that was seen in a history which is gone: after a failover that lost its last writes, the
 * new primary may never have heard of it. The same scripts that wrote it the first time add to what is void, so that doing
 * it again, from any number of nodes, changes nothing and tells nobody.
 */
import type { FeedEvent } from '../../client/src/wire/index.ts'
import type { LoggedRevocation } from '../change-log.ts'
import { type StoreContext, WIDE_CUTOFF_LIFETIME_MS } from '../context.ts'
import type { ScriptName } from '../redis/script-runner.ts'

/**
 * Restores one revocation in its partition. Returns whether the history lacked it.
 *
 * @throws {StoreUnavailableError} when nothing is known of what became of it; try again
 */
export type RestoreRevocation = (
  partition: number,
  event: FeedEvent,
  revocation: LoggedRevocation,
) => Promise<boolean>

/** The script of a level, and its arguments beside those that all have. */
interface CutoffCall {
  readonly script: ScriptName
  readonly keys: readonly string[]
  readonly rest: readonly (string | number)[]
}

/** Where the position of the new event stands in the reply; '' when there was nothing to change. */
const SEQ = 4

/** Marks a span that held before, for lua/include/cutoff.lua. */
const RESTORED = '!'

/** Makes the restorer of a store. */
export function createRestorer(context: StoreContext): RestoreRevocation {
  const { keys, partitions, run, logRetentionMs } = context

  function wide(partition: number, cutoff: string): CutoffCall {
    const { head, log } = keys.partition(partition)
    const rest = [WIDE_CUTOFF_LIFETIME_MS, 'keep']
    return { script: 'write-cutoff', keys: [head, log, cutoff, head], rest }
  }

  function narrow(partition: number, event: FeedEvent): CutoffCall | undefined {
    const { head, log, cutoff, ...at } = keys.partition(partition)
    if (event.type === 'token') {
      const { hash = '', local = '' } = partitions.parsePublicId(event.jti) ?? {}
      return {
        script: 'revoke-token',
        keys: [head, log, cutoff.token(hash)],
        rest: ['', hash, local],
      }
    }
    if (event.type === 'grant') {
      const { local = '' } = partitions.parsePublicId(event.grant_id) ?? {}
      const all = [head, log, at.grant(local), cutoff.grant(local)]
      return { script: 'revoke-grant', keys: all, rest: ['', local] }
    }
    if (event.type === 'session') {
      const { local = '' } = partitions.parsePublicId(event.sid) ?? {}
      const all = [head, log, at.session(local), cutoff.session(local)]
      return { script: 'revoke-session', keys: all, rest: [local] }
    }
    return undefined
  }

  function callFor(partition: number, event: FeedEvent): CutoffCall | undefined {
    const { cutoff } = keys.partition(partition)
    switch (event.type) {
      case 'subject':
        return wide(partition, cutoff.subject(event.sub))
      case 'subject_client':
        return wide(partition, cutoff.subjectClient(event.sub, event.client_id))
      case 'client':
        return wide(partition, cutoff.client(event.client_id))
      case 'all':
        return wide(partition, cutoff.all)
      default:
        return narrow(partition, event)
    }
  }

  return async (partition, event, { cutoffUs, afterUs, details }) => {
    const call = callFor(partition, event)
    if (call === undefined) return false
    const { base } = keys.partition(partition)
    const write = (cutoff: string) =>
      run(call.script, call.keys, [
        ...[base, cutoff, details, JSON.stringify(event), logRetentionMs, keys.channel],
        ...call.rest,
      ])
    const until = (cutoff: string) =>
      write(afterUs === undefined ? cutoff : `${afterUs.toFixed(0)}-${cutoff}${RESTORED}`)
    let reply = await until(cutoffUs.toFixed(0))
    // The clock of the new primary is far behind the old one's: then everything it has issued so far (since) is meant.
    if (reply[0] === 'future') reply = await until('')
    return reply[0] === 'revoked' && reply[SEQ] !== ''
  }
}
