import { describe, expect, it } from 'vitest'
import { ProblemError } from '../../../http/errors/problem.ts'
import { entityTag, isMatch } from '../../../issuer/admin/roles/entity-tag.ts'

describe('If-Match', () => {
  it.each([
    [undefined, true],
    ['*', true],
    ['"3"', true],
    ['"2", "3"', true],
    ['"2" ,\t"3"', true],
    ['"2"', false],
    ['"03"', false],
    ['W/"3"', false],
    ['W/"2", "3"', true],
    ['""', false],
  ])('%s: version 3 may be replaced: %s', (header, expected) => {
    expect(isMatch(header, 3)).toBe(expected)
  })

  it.each(['', '3', '"3', '"3" "4"', '"3",', '*, "3"', 'w/"3"'])('%s is refused', (header) => {
    expect(() => isMatch(header, 3)).toThrow(ProblemError)
  })

  it('takes the tag of a version', () => {
    expect(isMatch(entityTag(7), 7)).toBe(true)
  })
})
