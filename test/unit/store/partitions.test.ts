/** Partitions: an even spread of subjects, tags that name them, and ids that find them again. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPartitions, LOCAL_ID_LENGTH, TOKEN_HASH_LENGTH } from '../../../store/partitions.ts'

const HASH = 'h'.repeat(TOKEN_HASH_LENGTH)

describe('partitions', () => {
  it.each([0, 3, -1, 1.5, 8192, Number.NaN])('are never %d', (count) => {
    expect(() => createPartitions(count)).toThrow(RangeError)
  })

  it.each([1, 2, 64, 128, 4096])('of %i have tags of their own', (count) => {
    const partitions = createPartitions(count)
    const tags = Array.from({ length: count }, (_, n) => partitions.tag(n))
    expect(new Set(tags).size).toBe(count)
    expect(tags.every((tag) => tag.length === (count <= 64 ? 1 : 2))).toBe(true)
  })

  it('keep a subject where it is, for ever', () => {
    const of = createPartitions(64).of
    expect(['alice', 'bob', '', 'user:42', 'Ünïcode'].map(of)).toEqual([9, 24, 2, 59, 40])
  })

  it('spread subjects evenly', () => {
    const count = 64
    const each = 500
    const partitions = createPartitions(count)
    const sizes = new Array<number>(count).fill(0)
    for (let i = 0; i < count * each; i++) {
      const partition = partitions.of(`user-${i}`)
      sizes[partition] = (sizes[partition] as number) + 1
    }
    const spread = Math.sqrt(each) * 5
    for (const size of sizes) expect(Math.abs(size - each)).toBeLessThan(spread)
  })

  it.each([1, 64, 4096])('of %i are found by every kind of id', (count) => {
    const partitions = createPartitions(count)
    fc.assert(
      fc.property(
        fc.nat(count - 1),
        fc.constantFrom('grant', 'token', 'both'),
        (partition, kind) => {
          const local = kind === 'token' ? '' : partitions.newLocalId()
          const hash = kind === 'grant' ? '' : HASH
          const id = partitions.toPublicId(partition, local + hash)
          expect(partitions.parsePublicId(id)).toEqual({ partition, local, hash })
        },
      ),
    )
  })

  it('make nothing of what cannot be an id', () => {
    const partitions = createPartitions(8)
    const good = partitions.toPublicId(3, partitions.newLocalId())
    const bad = ['', 'D', `${good}x`, good.slice(1), `${good}\n`, `Z${good.slice(1)}`, `.${good}`]
    for (const id of bad) expect(partitions.parsePublicId(id)).toBeUndefined()
    fc.assert(
      fc.property(fc.string({ maxLength: 10 }), (text) => {
        expect(partitions.parsePublicId(text)).toBeUndefined()
      }),
    )
  })

  it('make ids of 96 random bits', () => {
    const { newLocalId } = createPartitions(1)
    const ids = Array.from({ length: 1_000 }, newLocalId)
    expect(new Set(ids).size).toBe(1_000)
    expect(ids.every((id) => /^[A-Za-z0-9_-]+$/.test(id) && id.length === LOCAL_ID_LENGTH)).toBe(
      true,
    )
  })
})
