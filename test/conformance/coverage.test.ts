/** The gate: the suite fails when a requirement is claimed without a test, or tested without a claim. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { citedIds, gateProblems } from './gate.ts'
import type { Requirement } from './requirements/requirement.ts'
import { REQUIREMENTS } from './requirements.ts'

const HERE = new URL('./', import.meta.url)

function citations(): Record<string, readonly string[]> {
  const files = readdirSync(HERE).filter(
    (file) => file.endsWith('.test.ts') && file !== 'coverage.test.ts',
  )
  return Object.fromEntries(
    files.map((file) => [file, citedIds(readFileSync(new URL(file, HERE), 'utf8'))]),
  )
}

describe('the requirement manifest', () => {
  it('agrees with the tests', () => {
    expect(gateProblems(REQUIREMENTS, citations())).toEqual([])
  })

  it('holds every requirement of the sections it is made from', () => {
    const counts: Record<string, number> = {}
    for (const id of Object.keys(REQUIREMENTS)) {
      const document = id.slice(0, 4)
      counts[document] = (counts[document] ?? 0) + 1
    }
    expect(counts).toEqual({
      7662: 44,
      7009: 20,
      6749: 26,
      8414: 10,
      8707: 6,
      8693: 21,
      'azn-': 27,
    })
  })
})

describe('the gate', () => {
  const claimed: Requirement = { source: 's', behaviour: 'b', status: 'covered' }
  const declined: Requirement = { ...claimed, status: { declined: 'because' } }

  it('is content when every claim is cited and nothing else is', () => {
    expect(gateProblems({ a: claimed, b: declined }, { 'x.test.ts': ['a', 'a'] })).toEqual([])
  })

  it('fails when an id is claimed but not tested', () => {
    const problems = gateProblems({ a: claimed, b: claimed }, { 'x.test.ts': ['a'] })
    expect(problems).toEqual(['b is claimed but no test cites it'])
  })

  it('fails on the real manifest when any one citation is taken away', () => {
    const real = citations()
    const cited = new Set(Object.values(real).flat())
    expect(cited.size).toBeGreaterThan(0)
    for (const id of cited) {
      const without = Object.fromEntries(
        Object.entries(real).map(([file, ids]) => [file, ids.filter((other) => other !== id)]),
      )
      expect(gateProblems(REQUIREMENTS, without)).toEqual([`${id} is claimed but no test cites it`])
    }
  })

  it('fails when a test cites what is unknown or declined', () => {
    const cited = { 'x.test.ts': ['a', 'b', 'toString'] }
    expect(gateProblems({ a: claimed, b: declined }, cited)).toEqual([
      'x.test.ts cites b, which is declined',
      'x.test.ts cites toString, which is not in the manifest',
    ])
  })

  it('fails when something is declined without a reason', () => {
    expect(gateProblems({ a: { ...claimed, status: { declined: ' ' } } }, {})).toEqual([
      'a is declined without a reason',
    ])
  })

  it('reads the ids behind each call, over several lines, and none of a comment', () => {
    const source = [
      "verifies(['1-a'], 'one', () => {})",
      "  verifies(\n    ['1-b', '1-c'],\n    'two',\n  )",
      "// verifies(['1-d'], 'not run')",
      "  * verifies(['1-e'], 'not run')",
      "const text = '1-f'",
    ].join('\n')
    expect(citedIds(source)).toEqual(['1-a', '1-b', '1-c'])
  })
})
