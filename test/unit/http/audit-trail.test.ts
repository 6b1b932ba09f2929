import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import type { AuditRecord } from '../../../client/src/wire/index.ts'
import { createAuditTrail } from '../../../http/audit/audit-trail.ts'
import { OAuthError } from '../../../http/errors/oauth-error.ts'

const TOKEN = `cc_at_${'x'.repeat(68)}`
const caller = { requestId: 'r1', source: '192.0.2.1', clientId: 'cli' }

/** A trail that writes what it does, in order; `fault` is what keeping ends in. */
function start(fault?: Error) {
  const steps: { readonly kind: 'log' | 'keep'; readonly text: string }[] = []
  const write = (text: string) => steps.push({ kind: 'log', text })
  const trail = createAuditTrail({
    async keep(entry) {
      steps.push({ kind: 'keep', text: JSON.stringify(entry) })
      if (fault !== undefined) throw fault
    },
    log: pino({}, { write }),
    now: () => 0,
  })
  const kept = () =>
    steps.filter(({ kind }) => kind === 'keep').map(({ text }) => JSON.parse(text) as AuditRecord)
  return { trail, steps, kept }
}

describe('an audit trail', () => {
  it('logs a change before it keeps it', async () => {
    const { trail, steps } = start()
    await trail.changed(caller, { action: 'client.put', client: 'a' })
    expect(steps.map(({ kind }) => kind)).toEqual(['log', 'keep'])
  })

  it('fails a change that was not kept, and has logged it', async () => {
    const { trail, steps } = start(new Error('away'))
    await expect(trail.changed(caller, { action: 'client.put' })).rejects.toThrow('away')
    expect(steps[0]?.text).toContain('client.put')
  })

  it.each([
    { action: 'revocation.create' },
    { action: 'revocation.forecast' },
    { action: 'client.delete' },
    { action: 'subject.put', isEmergency: true },
  ])('lets $action go on without a kept record, and says so', async (change) => {
    const { trail, steps, kept } = start(new Error('SECRET'))
    await trail.changed(caller, change)
    expect(kept()[0]).not.toHaveProperty('isEmergency')
    expect(JSON.parse(steps.at(-1)?.text ?? '')).toMatchObject({
      ...{ level: 50, request_id: 'r1', fault: 'internal' },
    })
    // One line tells of the change, however it is looked for.
    const told = steps.filter(({ kind, text }) => kind === 'log' && text.includes(change.action))
    expect(told).toHaveLength(1)
    expect(JSON.stringify(steps)).not.toContain('SECRET')
  })

  it('fails when one of several changes had to be kept', async () => {
    const { trail } = start(new Error('away'))
    const changes = [{ action: 'revocation.create' }, { action: 'client.put' }]
    await expect(trail.changed(caller, ...changes)).rejects.toThrow('away')
  })

  it('neither keeps nor logs a token, wherever it was put', async () => {
    const { trail, steps } = start()
    const target = { context: `course:${TOKEN}`, n: 1 }
    await trail.changed(caller, { action: 'x', subject: TOKEN, reason: `"${TOKEN}"`, target })
    const refusal = new OAuthError('invalid_client', 'x', { detail: TOKEN })
    trail.refused({ requestId: 'r', source: 's', claimedClientId: TOKEN }, '/token', refusal)
    expect(steps).toHaveLength(4)
    expect(JSON.stringify(steps)).not.toContain(TOKEN)
  })

  it('does not blame one of many for attempts that it no longer tells apart', () => {
    const { trail, kept } = start()
    for (let n = 0; n < 1_000; n++) {
      const state = { requestId: `r${n}`, source: `s${n}`, claimedClientId: `c${n}` }
      trail.refused(state, '/token', new OAuthError('invalid_client', 'x'))
    }
    const entries = kept()
    const own = entries.slice(0, 200)
    expect(own.every(({ actor_client }, n) => actor_client === `c${n}`)).toBe(true)
    const mixed = entries.slice(200)
    expect(mixed.map(({ count = 1 }) => count)).toEqual([1, 1, 2, 4, 8, 16, 32, 64, 128, 256])
    for (const entry of mixed) {
      for (const name of ['actor_client', 'source', 'request_id']) {
        expect(entry).not.toHaveProperty(name)
      }
    }
  })
})
