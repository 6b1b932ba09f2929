import { expect, it } from 'vitest'
import { judge } from '../../../scripts/test.ts'

it('ends a good run with the line that CI reads', () => {
  expect(judge({ passed: 12, failed: 0 }, 0)).toEqual({ line: '12 passed, 0 failed', code: 0 })
})

it('fails when a test failed, whatever vitest says', () => {
  expect(judge({ passed: 12, failed: 1 }, 0)).toEqual({ line: '12 passed, 1 failed', code: 1 })
})

it('fails when vitest does, whatever was counted', () => {
  expect(judge({ passed: 12, failed: 0 }, 1)).toEqual({
    line: '12 passed, 0 failed\nvitest itself failed, exit code 1',
    code: 1,
  })
})

it('fails when no test ran', () => {
  expect(judge({ passed: 0, failed: 0 }, 0)).toEqual({
    line: 'no test ran\n0 passed, 0 failed',
    code: 1,
  })
})
