import { expect, it } from 'vitest'
import { findTestCommand } from '../../../scripts/readme-test-command.ts'

it('finds the command in a fenced block, without prompt and comment', () => {
  const readme = '# X\n\n```sh\nnpm start   # not the test\n$ npm test  # everything\n```\n'
  expect(findTestCommand(readme)).toBe('npm test')
})

it('takes the first of several', () => {
  expect(findTestCommand('```\nnpm test\nnpm test -- test/unit\n```')).toBe('npm test')
})

it('does not look at prose', () => {
  expect(findTestCommand('npm test\n\n```sh\nnpm start\n```\nnpm test\n')).toBeUndefined()
})
