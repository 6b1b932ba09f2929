import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasUniqueNames } from '../../../http/body/unique-names.ts'

/** JSON as it is written, with every member that was. */
type Written =
  | { readonly text: string }
  | { readonly list: readonly Written[] }
  | { readonly members: readonly (readonly [string, Written])[] }

function judge(json: string): boolean {
  JSON.parse(json)
  return hasUniqueNames(json)
}

const names = fc.constantFrom(
  'a',
  'b',
  '',
  '"',
  '\\',
  '\\"',
  ':',
  'a:b',
  '{"a":1}',
  '1',
  '__proto__',
)
const texts = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
  names.map((text) => JSON.stringify(text)),
  fc.constantFrom('null', 'true', '-1.5e3', '"\\u003a"', '"\u2028"', '[]', '{}'),
)
const { tree } = fc.letrec<{ tree: Written }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    texts.map((text) => ({ text })),
    fc.record({ list: fc.array(tie('tree'), { maxLength: 3 }) }),
    fc.record({ members: fc.array(fc.tuple(names, tie('tree')), { maxLength: 4 }) }),
  ),
}))

/** Escapes every other name, and spreads the text out. */
function write(written: Written): string {
  if ('text' in written) return written.text
  if ('list' in written) return `[ ${written.list.map(write).join(' ,\n')}]`
  const members = written.members.map(([name, value], n) => {
    const escaped = [...name].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
    return `${n % 2 === 0 ? JSON.stringify(name) : `"${escaped.join('')}"`}\t: ${write(value)}`
  })
  return `{${members.join(', ')} }`
}

function isUnique(written: Written): boolean {
  if ('text' in written) return true
  if ('list' in written) return written.list.every(isUnique)
  const { members } = written
  const distinct = new Set(members.map(([name]) => name))
  return distinct.size === members.length && members.every(([, value]) => isUnique(value))
}

describe('hasUniqueNames', () => {
  it('is not led astray where V8 reads an escaped name wrongly (nodejs/node#63785)', () => {
    const [first, second] = ['{"h":[],"\\\\":0}', '{"h":1,"\\u0061":2,"a":3}']
    for (let n = 0; n < 100; n++) expect([judge(first), judge(second)]).toEqual([true, false])
  })

  it.each([
    '{}',
    '[]',
    '"a:b"',
    '7',
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":1}]',
    '{"a":"a\\":1,\\"a","b":"::"}',
    '{"\\\\":1,"\\"":2,":":3}',
    '{"__proto__":1,"a":2}',
  ])('takes %s', (json) => {
    expect(judge(json)).toBe(true)
  })

  it.each([
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":1}',
    '{"":1,"":2}',
    '[[{"b":{"a":1,"b":2,"a":{"c":{"d":1}}}}]]',
    '{"a":{"x":1,"y":2},"a":{"x":1,"y":2}}',
    '{"__proto__":{},"__proto__":{}}',
    '{"a\\"":1,"a\\"":2}',
    '{"1":1,"1":2}',
  ])('refuses %s', (json) => {
    expect(judge(json)).toBe(false)
  })

  it('agrees with a look at what was written', () => {
    const seen = { unique: 0, repeated: 0 }
    const property = fc.property(tree, (written) => {
      const expected = isUnique(written)
      seen[expected ? 'unique' : 'repeated'] += 1
      expect(judge(write(written))).toBe(expected)
    })
    fc.assert(property, { numRuns: 1_000 })
    expect(Math.min(seen.unique, seen.repeated)).toBeGreaterThan(50)
  })

  it('takes as long as the text is, whatever is in it', () => {
    for (const text of ['\\'.repeat(60_000), '"'.repeat(60_000), ':'.repeat(60_000)]) {
      expect(judge(JSON.stringify({ text }))).toBe(true)
    }
  })
})
