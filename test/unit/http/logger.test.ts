/** What an error hung on by a library says stays out of the log: ioredis keeps the command, and so the password. */
import { expect, it } from 'vitest'
import { createLogger } from '../../../http/telemetry/logger.ts'

it('an error is logged with its message and cause, and nothing else it carries', () => {
  const lines: string[] = []
  const log = createLogger('info', 'test', { write: (line) => void lines.push(line) })
  const cause = Object.assign(new Error('WRONGPASS'), {
    command: { name: 'hello', args: ['3', 'AUTH', 'user', 'Sup3rS3cret'] },
  })
  log.warn(
    { err: Object.assign(new Error('Redis does not answer', { cause }), { code: 'ERR_X' }) },
    'no',
  )
  const [line = '{}'] = lines
  expect(JSON.parse(line)).toMatchObject({
    err: { type: 'Error', message: 'Redis does not answer', code: 'ERR_X', cause: 'WRONGPASS' },
  })
  expect(line).not.toContain('Sup3rS3cret')
  log.warn({ err: cause }, 'no')
  expect(lines.join('')).not.toContain('Sup3rS3cret')
})
