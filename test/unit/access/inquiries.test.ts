import { describe, expect, it } from 'vitest'
import { invalidRequest } from '../../../http/errors/oauth-error.ts'
import type {
  Evaluation,
  EvaluationSubject,
} from '../../../introspect/access/evaluation-request.ts'
import { makeInquiries, planInquiries } from '../../../introspect/access/inquiries.ts'
import type { Store } from '../../../store/store.ts'

const sub = (id: string): EvaluationSubject => ({ kind: 'user', id })
const evaluation = (subject: EvaluationSubject, ...contexts: string[]): Evaluation => ({
  subject,
  permission: 'read',
  contexts,
})
const sizesOf = ({ inquiries }: ReturnType<typeof planInquiries>) =>
  inquiries.map(({ contexts }) => contexts.size)

describe('a plan', () => {
  it('asks once about a subject, with all contexts', () => {
    const plan = planInquiries([
      evaluation(sub('alice'), 'course:1', 'school:7'),
      evaluation(sub('bob'), 'course:1'),
      evaluation(sub('alice'), 'course:2', 'school:7'),
      evaluation({ kind: 'token', id: 'alice' }),
      evaluation(sub('alice')),
    ])
    expect(plan.inquiries).toMatchObject([
      { subject: sub('alice'), contexts: new Set(['course:1', 'school:7', 'course:2']) },
      { subject: sub('bob'), contexts: new Set(['course:1']) },
      { subject: { kind: 'token', id: 'alice' }, contexts: new Set() },
    ])
    expect(plan.inquiryOf).toEqual([0, 1, 0, 2, 0])
  })

  it('asks nothing about nobody and mistakes', () => {
    const plan = planInquiries([evaluation({ kind: 'unknown' }, 'a:1'), invalidRequest('x')])
    expect(plan).toEqual({ inquiries: [], inquiryOf: [undefined, undefined] })
  })

  it('asks for a hundred contexts at a time', () => {
    const items = Array.from({ length: 1_000 }, (_, n) => evaluation(sub('alice'), `course:${n}`))
    expect(sizesOf(planInquiries(items))).toEqual(Array(10).fill(100))
    const again = planInquiries([...items.slice(0, 100), ...items.slice(0, 100)])
    expect(sizesOf(again)).toEqual([100])
  })

  it('has all of an item in one inquiry', () => {
    const items = Array.from({ length: 30 }, (_, n) =>
      evaluation(sub('alice'), ...Array.from({ length: 21 }, (_, m) => `course:${n * 21 + m}`)),
    )
    const plan = planInquiries(items)
    expect(Math.max(...sizesOf(plan))).toBeLessThanOrEqual(100)
    items.forEach(({ contexts }, n) => {
      const inquiry = plan.inquiries[plan.inquiryOf[n] as number]
      for (const context of contexts) expect(inquiry?.contexts).toContain(context)
    })
  })
})

describe('inquiries', () => {
  const many = planInquiries(Array.from({ length: 1_000 }, (_, n) => evaluation(sub(`u${n}`))))

  function storeThat(resolve: (sub: string) => Promise<unknown>) {
    return { roles: { resolve }, tokens: {} } as unknown as Pick<Store, 'tokens' | 'roles'>
  }

  it('are made in order, not all at once', async () => {
    let [underWay, most] = [0, 0]
    const store = storeThat(async (name) => {
      underWay += 1
      most = Math.max(most, underWay)
      await new Promise(setImmediate)
      underWay -= 1
      return { kind: 'suspended', name }
    })
    const findings = await makeInquiries(store, many.inquiries)
    expect(findings.map((finding) => (finding as { name?: string }).name)).toEqual(
      many.inquiries.map(({ subject }) => subject.id),
    )
    expect(most).toBe(100)
  })

  it('end with the first failure', async () => {
    let asked = 0
    const store = storeThat(async () => {
      asked += 1
      if (asked === 150) throw new Error('away')
      return { kind: 'suspended' }
    })
    await expect(makeInquiries(store, many.inquiries)).rejects.toThrow('away')
    expect(asked).toBe(200)
  })
})
