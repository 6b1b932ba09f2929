/** Reading the log: from a position of the same history, or the plain word that there is a gap. */
import { describe, expect, it } from 'vitest'
import type { ScriptReply } from '../../../store/redis/script-runner.ts'
import type { Installation } from '../../fixture/installation.ts'
import { BY, newSub, readLog, seqOf } from '../actions.ts'

const PARTITION = 0

export function readLogContract(at: () => Installation): void {
  async function read(epoch: string, from: number, most = 100): Promise<ScriptReply> {
    const { run, keys } = at()
    const here = keys.partition(PARTITION)
    return run('read-log', [here.head, here.log], [epoch, from, most])
  }

  /** Makes some changes and tells the epoch and the position before them. */
  async function change(count: number): Promise<{ epoch: string; before: number }> {
    const { store, partitions } = at()
    let sub = newSub()
    while (partitions.of(sub) !== PARTITION) sub = newSub()
    const before = await seqOf(at(), PARTITION)
    for (let n = 0; n < count; n++) await store.subjects.put(sub, BY, { claims: {} })
    return { epoch: (await read('', 0))[0] as string, before }
  }

  describe('reading the log', () => {
    it('tells the head alone to who follows nothing yet', async () => {
      const { epoch } = await change(2)
      const entries = await readLog(at(), PARTITION)
      const floor = Number(entries[0]?.id.split('-')[0]) - 1
      expect(epoch).toMatch(/^[0-9a-f]{16}$/)
      expect(await read('', 0)).toEqual([epoch, await seqOf(at(), PARTITION), floor])
    })

    it('tells what follows a position, in order and no more than asked', async () => {
      const { epoch, before } = await change(5)
      const [, seq, , ...rest] = await read(epoch, before)
      expect(seq).toBe(before + 5)
      const entries = await readLog(at(), PARTITION)
      const expected = entries
        .slice(-5)
        .flatMap(({ id, event }) => [Number(id.split('-')[0]), JSON.stringify(event)])
      expect(rest).toEqual(expected)
      expect((await read(epoch, before, 2)).slice(3)).toEqual(expected.slice(0, 4))
      expect((await read(epoch, before + 5)).slice(3)).toEqual([])
    })

    it('tells nothing of another history, from the future or from before its floor', async () => {
      const { epoch, before } = await change(3)
      expect((await read('0123456789abcdef', before)).slice(3)).toEqual([])
      expect((await read(epoch, before + 4)).slice(3)).toEqual([])
      const { redis, keys } = at()
      await redis.xtrim(keys.partition(PARTITION).log, 'MINID', `${before + 2}-0`)
      const [, , floor, ...rest] = await read(epoch, before)
      expect([floor, rest]).toEqual([before + 1, []])
      expect((await read(epoch, before + 1)).slice(3)).toHaveLength(4)
    })

    it('has its floor at the head when nothing is kept', async () => {
      const { epoch, before } = await change(1)
      await at().redis.del(at().keys.partition(PARTITION).log)
      expect(await read(epoch, before)).toEqual([epoch, before + 1, before + 1])
    })
  })
}
