/**
 * The AuthZEN certification scenario, as far as it goes by names alone (levels Basic Core and Batch Core): its fixture is a
 * role schema and two assignments. What goes by `properties` is declined in the manifest.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { type ConformanceWorld, startConformanceWorld } from './conformance-world.ts'
import {
  ALICE,
  BOB,
  decisionOf,
  decisionsOf,
  loadFixture,
  messageOf,
  postJson,
  READ,
  RECORD_1,
  WRITE,
} from './decision-point.ts'
import { verifies } from './verifies.ts'

const RECORD_2 = { type: 'record', id: 'record-2' }

describe('the AuthZEN certification scenario', () => {
  let at: ConformanceWorld
  const post = (path: string, body: unknown) =>
    postJson(`${at.introspect[0]}/access/v1/${path}`, at.grades, body)

  beforeAll(async () => {
    at = await startConformanceWorld()
    await loadFixture(at.store)
  })
  afterAll(() => at.close())

  const rules = [
    { rule: 1, subject: ALICE, action: READ, decision: true },
    { rule: 2, subject: ALICE, action: WRITE, decision: true },
    { rule: 3, subject: BOB, action: READ, decision: true },
    { rule: 4, subject: BOB, action: WRITE, decision: false },
  ]
  for (const { rule, subject, action, decision } of rules) {
    const name = `rule ${rule}: ${subject.id} may ${decision ? '' : 'not '}${action.name} record-1`
    verifies(['azn-cert-a'], name, async () => {
      const body = { subject, action, resource: RECORD_1 }
      const context = { time: '2025-06-27T18:03-07:00', ip: '192.168.1.1' }
      // Asked again and again the decision stays the same, with a context and without (§1.6, §2.6).
      for (const asked of [body, body, { ...body, context }, body]) {
        expect(await decisionOf(await post('evaluation', asked))).toBe(decision)
      }
    })
  }

  verifies(
    ['azn-cert-a'],
    'properties and unknown members change no decision by names',
    async () => {
      const body = {
        subject: { ...ALICE, properties: { department: 'Sales', role: 'manager' } },
        action: { ...READ, properties: { method: 'GET' } },
        resource: { ...RECORD_1, properties: { status: 'active', owner: 'bob' } },
        foo: 'bar',
        futureField: { nested: true },
      }
      expect(await decisionOf(await post('evaluation', body))).toBe(true)
    },
  )

  const incomplete = [
    { action: READ, resource: RECORD_1 },
    { subject: ALICE, resource: RECORD_1 },
    { subject: ALICE, action: READ },
    { subject: { id: 'alice' }, action: READ, resource: RECORD_1 },
    { subject: { type: 'user' }, action: READ, resource: RECORD_1 },
    { subject: ALICE, action: {}, resource: RECORD_1 },
    { subject: ALICE, action: READ, resource: { id: 'record-1' } },
    { subject: ALICE, action: READ, resource: { type: 'record' } },
    { subject: 'alice', action: READ, resource: RECORD_1 },
    { subject: ALICE, action: { name: 123 }, resource: RECORD_1 },
  ]
  for (const body of incomplete) {
    verifies(['azn-cert-a'], `400 for ${JSON.stringify(body)}`, async () => {
      await messageOf(await post('evaluation', body), 400)
    })
  }

  const batches: [string, object, (boolean | undefined)[]][] = [
    [
      'resources in turn',
      {
        subject: ALICE,
        action: READ,
        evaluations: [{ resource: RECORD_1 }, { resource: RECORD_2 }],
      },
      [true, false],
    ],
    [
      'actions in turn',
      { subject: BOB, resource: RECORD_1, evaluations: [{ action: READ }, { action: WRITE }] },
      [true, false],
    ],
    [
      'without defaults',
      {
        evaluations: [
          { subject: ALICE, action: READ, resource: RECORD_1 },
          { subject: BOB, action: WRITE, resource: RECORD_1 },
        ],
      },
      [true, false],
    ],
    [
      'with a context inherited and one overridden',
      {
        subject: ALICE,
        action: READ,
        context: { time: '2025-06-27T18:03-07:00' },
        evaluations: [
          { resource: RECORD_1 },
          { resource: RECORD_2, context: { source: 'batch-override' } },
        ],
      },
      [true, false],
    ],
    [
      'with an item that lacks its resource',
      { subject: ALICE, action: READ, evaluations: [{ resource: RECORD_1 }, {}] },
      [true, undefined],
    ],
  ]
  for (const [name, body, expected] of batches) {
    verifies(['azn-cert-a'], `a batch: ${name}`, async () => {
      expect(await decisionsOf(await post('evaluations', body))).toEqual(expected)
    })
  }

  verifies(['azn-cert-a'], 'a batch of none is a single evaluation', async () => {
    const single = { subject: ALICE, action: READ, resource: RECORD_1 }
    expect(await decisionOf(await post('evaluations', single))).toBe(true)
    expect(await decisionOf(await post('evaluations', { ...single, evaluations: [] }))).toBe(true)
  })
})
