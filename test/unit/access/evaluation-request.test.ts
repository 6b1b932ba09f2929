import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OAuthError } from '../../../http/errors/oauth-error.ts'
import {
  type Evaluation,
  parseEvaluation,
  parseEvaluations,
} from '../../../introspect/access/evaluation-request.ts'

const TOKEN = `cc_at_${'aB3_-'.repeat(20).slice(0, 68)}`
const WHOLE = {
  subject: { type: 'user', id: 'alice' },
  action: { name: 'grade:read' },
  resource: { type: 'course', id: '123' },
}

function evaluationOf(body: object): Evaluation {
  const [item] = parseEvaluation({ ...WHOLE, ...body }).items
  if (item === undefined || item instanceof OAuthError) throw new Error('no evaluation')
  return item
}

describe('an evaluation', () => {
  it('is about a subject, a permission and contexts', () => {
    expect(evaluationOf({})).toEqual({
      subject: { kind: 'user', id: 'alice' },
      permission: 'grade:read',
      contexts: ['course:123'],
    })
  })

  it.each([
    ['user', 'alice', { kind: 'user', id: 'alice' }],
    ['client', 'nightly', { kind: 'client', id: 'nightly' }],
    ['access_token', TOKEN, { kind: 'token', id: TOKEN }],
    ['access_token', 'junk', { kind: 'token', id: 'junk' }],
    ['robot', 'alice', { kind: 'unknown' }],
    ['User', 'alice', { kind: 'unknown' }],
    ['', '', { kind: 'unknown' }],
    ['user', TOKEN, { kind: 'unknown' }],
    ['client', `x${TOKEN}x`, { kind: 'unknown' }],
  ])('of %s %s is about whom it should be', (type, id, expected) => {
    expect(evaluationOf({ subject: { type, id } }).subject).toEqual(expected)
  })

  it.each([
    ['course', '123', ['course:123']],
    ['a', 'b:c', ['a:b:c']],
    ['a:b', 'c', []],
    ['course', '', []],
    ['course', '*', []],
    ['course', 'a b', []],
    ['course', 'ü', []],
    ['1course', '7', []],
    ['', '7', []],
    ['*', '*', []],
    ['course', 'x'.repeat(190), [`course:${'x'.repeat(190)}`]],
    ['course', 'x'.repeat(191), []],
    ['course', TOKEN, []],
  ])('of the resource %s %s is in the contexts it should be', (type, id, expected) => {
    expect(evaluationOf({ resource: { type, id } }).contexts).toEqual(expected)
  })

  it('counts each context once, and parents of what is none itself', () => {
    const parents = ['school:7', { type: 'school', id: '7' }, 'course:123', 'org:1']
    const { contexts } = evaluationOf({ context: { parents } })
    expect(contexts).toEqual(['course:123', 'school:7', 'org:1'])
    const resource = { type: 'no context', id: '7' }
    expect(evaluationOf({ resource, context: { parents } }).contexts).toEqual([
      'school:7',
      'course:123',
      'org:1',
    ])
  })

  it.each([
    [['*']],
    [['school']],
    [[null]],
    [[{}]],
    [[{ type: 'a:b', id: 'c' }]],
    [[`a:${TOKEN}`]],
  ])('is refused with the parents %j', (parents) => {
    expect(() => evaluationOf({ context: { parents } })).toThrow(OAuthError)
  })
})

describe('a batch', () => {
  it('fills an entity in from a default that is one, and never from its properties', () => {
    const { items } = parseEvaluations({
      ...WHOLE,
      resource: { type: 'course', id: '1', properties: 7 },
      evaluations: [{ resource: { id: '2' } }, { resource: {} }, { resource: null }, {}],
    })
    const contexts = items.map((item) =>
      item instanceof OAuthError ? item.message : item.contexts,
    )
    expect(contexts).toEqual([
      ['course:2'],
      ['course:1'],
      'resource must be an object',
      'resource.properties must be an object',
    ])
  })

  it('never makes a default of what every object has', () => {
    const { items } = parseEvaluations({ evaluations: [{ toString: WHOLE }, WHOLE] })
    expect(items.map((item) => item instanceof OAuthError)).toEqual([true, false])
  })
})

describe('mistakes', () => {
  it('are told without a word of what was sent', () => {
    const anything = fc.oneof(
      fc.constantFrom(TOKEN, [TOKEN], { id: TOKEN }, { type: TOKEN }, { [TOKEN]: 1 }, null, 7),
      fc.record({ type: fc.constant(TOKEN), id: fc.constantFrom(TOKEN, 7) }),
      fc.record({ parents: fc.constantFrom(TOKEN, [TOKEN], [{ type: TOKEN, id: TOKEN }]) }),
    )
    const body = fc.dictionary(
      fc.constantFrom('subject', 'action', 'resource', 'context', 'options', 'evaluations'),
      anything,
    )
    let mistakes = 0
    fc.assert(
      fc.property(body, (members) => {
        for (const parse of [parseEvaluation, parseEvaluations]) {
          try {
            parse(members)
          } catch (error) {
            mistakes += 1
            expect(error).toBeInstanceOf(OAuthError)
            const { message, description, detail = '', status } = error as OAuthError
            expect(status).toBe(400)
            expect(message + description + detail).not.toContain('cc_at_')
            expect(description).toBe(message)
          }
        }
      }),
    )
    expect(mistakes).toBeGreaterThan(50)
  })
})
