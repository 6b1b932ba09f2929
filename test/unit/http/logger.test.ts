import { describe, expect, it } from 'vitest'
import { createLogger } from '../../../http/logger.ts'

const TOKEN = `cc_rt_${'k'.repeat(68)}`

function capture(level: 'info' | 'silent' = 'info') {
  const lines: string[] = []
  return { lines, log: createLogger(level, 'test', { write: (line) => lines.push(line) }) }
}

describe('createLogger', () => {
  it('writes JSON lines that name the service', () => {
    const { log, lines } = capture()
    log.info({ a: 1 }, 'hello')
    expect(JSON.parse(lines[0] as string)).toMatchObject({ service: 'test', a: 1, msg: 'hello' })
  })

  it('lets no token through: message, field, nested field, error, stack, cause, child', () => {
    const { log, lines } = capture()
    log.info(`msg ${TOKEN}`)
    log.info({ text: TOKEN, deep: { list: [TOKEN] }, [TOKEN]: 1 })
    log.error({ err: new Error(`bad ${TOKEN}`, { cause: new Error(TOKEN) }) })
    log.child({ held: TOKEN }).info('child')
    expect(lines.length).toBe(4)
    expect(lines.join('')).not.toContain(TOKEN)
    expect(lines[0]).toContain('msg cc_rt_…')
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow()
  })

  it('redacts known names wherever they are usually found', () => {
    const { log, lines } = capture()
    const headers = { authorization: 'hunter2', cookie: 'hunter2', host: 'x' }
    const secrets = { client_secret: 'hunter2', token: 'hunter2', authorization: 'hunter2' }
    log.info({
      headers,
      req: { headers },
      ...secrets,
      err: Object.assign(new Error('x'), { headers }),
    })
    expect(lines[0]).not.toContain('hunter2')
    expect(lines[0]).toContain('"host":"x"')
  })

  it('is silent when told so', () => {
    const { log, lines } = capture('silent')
    log.fatal('x')
    expect(lines).toEqual([])
  })
})
