/** Typed calls of scripts: a missing, misspelt or extra name does not compile, nor does a reply that is read wrongly. */
import { defineScript } from '../../store/redis/define-script.ts'
import type { RunScript } from '../../store/redis/script-runner.ts'

const register = defineScript('register-token-keys', {
  keys: 'installation',
  args: 'mintingId ...tokenKeys',
  replies: { registered: 'mintedBefore', 'differs lacks': 'keyId' },
})

const readAudit = defineScript('read-audit', {
  keys: 'stream',
  args: `order first
    last size`,
  rows: 'id record',
})

/** Never run. */
export async function typesOfCalls(run: RunScript): Promise<void> {
  const input = { installation: 'i', mintingId: 'k1', tokenKeys: ['k1', 'f'] }
  const reply = await register(run, input)
  // @ts-expect-error a key is missing
  await register(run, { mintingId: 'k1', tokenKeys: [] })
  // @ts-expect-error an argument is missing
  await register(run, { installation: 'i', tokenKeys: [] })
  // @ts-expect-error an argument is misspelt
  await register(run, { installation: 'i', mintingID: 'k1', tokenKeys: [] })
  // @ts-expect-error there is no such argument
  await register(run, { installation: 'i', mintingId: 'k1', tokenKeys: [], channel: 'c' })
  // @ts-expect-error the rest is a list
  await register(run, { installation: 'i', mintingId: 'k1', tokenKeys: 'k1' })

  // @ts-expect-error not every outcome has it
  reply.keyId
  // @ts-expect-error there is no such outcome
  if (reply.outcome === 'unknown') return
  if (reply.outcome === 'registered') {
    const mintedBefore: string = reply.mintedBefore
    // @ts-expect-error this outcome does not have it
    reply.keyId
    return void mintedBefore
  }
  const keyId: string = reply.keyId

  const { rows } = await readAudit(run, {
    stream: 's',
    order: 'asc',
    first: '-',
    last: '+',
    size: 1,
  })
  const record: string | undefined = rows[0]?.record
  // @ts-expect-error there is no such member
  rows[0]?.event
  void [keyId, record]
}
