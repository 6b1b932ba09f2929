/** Keys: every key of a partition in its slot, no two alike, whatever the names they are made from. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AuditStream, createKeys, type PartitionKeys } from '../../../store/keys.ts'
import { createPartitions } from '../../../store/partitions.ts'

const partitions = createPartitions(64)
const keys = createKeys('cc', partitions)

function allOf(at: PartitionKeys, name: string, other: string): string[] {
  const { cutoff } = at
  return [
    at.head,
    at.log,
    at.clients,
    at.holders,
    at.ending,
    at.roleCounts,
    at.schema,
    cutoff.all,
    ...[at.token, at.grant, at.tokens, at.successor, at.session, at.subject, at.index].map((of) =>
      of(name),
    ),
    at.assignments(name),
    ...[cutoff.token, cutoff.grant, cutoff.session, cutoff.subject, cutoff.client].map((of) =>
      of(name),
    ),
    cutoff.subjectClient(name, other),
  ]
}

const name = fc.oneof(
  fc.constantFrom('}', '{', '{}', '}i', 'a', 'h', 'xa', '*', ' '),
  fc.string({ minLength: 1 }).map((text) => text.replaceAll('\n', '') || 'x'),
)

describe('keys', () => {
  it('of a partition all carry its tag as the hash tag', () => {
    fc.assert(
      fc.property(fc.nat(63), name, name, (partition, one, other) => {
        for (const key of allOf(keys.partition(partition), one, other)) {
          // Redis hashes what stands between the first { and the first } after it.
          const open = key.indexOf('{')
          const tag = key.slice(open + 1, key.indexOf('}', open))
          expect(tag).toBe(partitions.tag(partition))
        }
      }),
    )
  })

  it('are all different', () => {
    fc.assert(
      fc.property(name, name, (one, other) => {
        const all = allOf(keys.partition(0), one, other)
        expect(new Set(all).size).toBe(all.length)
      }),
    )
  })

  it('of subject and client together cannot be mistaken for those of another pair', () => {
    const { subjectClient } = keys.partition(0).cutoff
    fc.assert(
      fc.property(name, name, name, name, (a, b, c, d) => {
        fc.pre(a !== c || b !== d)
        expect(subjectClient(a, b)).not.toBe(subjectClient(c, d))
      }),
    )
  })

  it('of an index tell whose it is, and no other key does', () => {
    fc.assert(
      fc.property(fc.nat(63), name, (partition, sub) => {
        const at = keys.partition(partition)
        expect(keys.parseIndex(at.index(sub))).toEqual({ tag: partitions.tag(partition), sub })
        for (const key of allOf(at, sub, 'web').filter((key) => key !== at.index(sub))) {
          expect(keys.parseIndex(key)).toBeUndefined()
        }
      }),
    )
  })

  it('of no partition are alike with none of a partition, nor with each other', () => {
    const streams: readonly AuditStream[] = ['changes', 'issues', 'refusals']
    const outside = [keys.channel, keys.failures, ...streams.map((stream) => keys.audit(stream))]
    expect(new Set(outside).size).toBe(outside.length)
    for (const key of outside) {
      expect(key).not.toContain('{')
      expect(keys.parseIndex(key)).toBeUndefined()
      // Counters of failures are this and something behind it.
      if (key !== keys.failures) expect(key.startsWith(keys.failures)).toBe(false)
    }
  })

  it('of an audit belong to one prefix', () => {
    expect(createKeys('cc2', partitions).audit('issues')).not.toBe(keys.audit('issues'))
  })

  it('take a prefix literally', () => {
    const dotted = createKeys('a.b', partitions)
    expect(dotted.parseIndex('a.b{A}ialice')).toEqual({ tag: 'A', sub: 'alice' })
    expect(dotted.parseIndex('axb{A}ialice')).toBeUndefined()
  })
})
