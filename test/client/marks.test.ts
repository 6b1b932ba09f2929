/** The marks of one partition: which late replies an event makes useless, and that being full can only refuse more. */
import { describe, expect, it } from 'vitest'
import type { Groups, SingleEvent } from '../../client/src/cache/groups.ts'
import { createMarks } from '../../client/src/cache/marks.ts'

const ALICE: Groups = { jti: 't1', grantId: 'g1', sid: 's1', sub: 'alice', clientId: 'web' }
const IN_1: Groups = { ...ALICE, contexts: ['course:1'] }
const IN_2_AND_3: Groups = { ...ALICE, contexts: ['course:2', 'course:3'] }
const BOB: Groups = { jti: 't2', grantId: 'g2', sid: 's2', sub: 'bob', clientId: 'web' }
const EXCHANGED: Groups = {
  ...ALICE,
  jti: 't4',
  grantId: 'g4',
  clientId: 'viewer',
  origins: [
    { jti: 't3', grant_id: 'g3', client_id: 'middle' },
    { jti: 't1', grant_id: 'g1', client_id: 'web' },
  ],
}

const courses = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, n) => `course:${first + n}`)

/** What is required after events told at 1, 2, 3… */
function requiredAfter(events: readonly SingleEvent[], groups: Groups, limit = 1_000): number {
  const marks = createMarks(0, limit)
  events.forEach((event, index) => {
    marks.raise(event, index + 1)
  })
  return marks.required(groups)
}

const aliceIn = (...contexts: string[]): SingleEvent => ({
  type: 'subject',
  sub: 'alice',
  contexts,
})

describe('a role change', () => {
  it.each<[string, SingleEvent, boolean, boolean, boolean]>([
    ['in one context', aliceIn('course:1'), true, true, false],
    ['in several', aliceIn('course:7', 'course:3'), true, false, true],
    ['in another', aliceIn('course:7'), true, false, false],
    ['everywhere', aliceIn('*'), true, true, true],
    ['everywhere and in one', aliceIn('course:7', '*'), true, true, true],
    ['that names none', { type: 'subject', sub: 'alice' }, true, true, true],
    ['that names an empty list', aliceIn(), true, true, true],
    ['in as many as can be named', aliceIn(...courses(10, 41)), true, false, false],
    ['in more than can be named', aliceIn(...courses(10, 42)), true, true, true],
    ['of somebody else', { type: 'subject', sub: 'bob', contexts: ['*'] }, false, false, false],
  ])('%s spoils replies that tell of it, and no others', (_what, event, plain, in1, in2and3) => {
    expect([ALICE, IN_1, IN_2_AND_3].map((groups) => requiredAfter([event], groups) === 1)).toEqual(
      [plain, in1, in2and3],
    )
  })

  it('counts at its own position, whatever came before and after it', () => {
    const events = [aliceIn('*'), aliceIn('course:1'), aliceIn('course:2'), aliceIn('course:1')]
    expect([ALICE, IN_1, IN_2_AND_3, BOB].map((groups) => requiredAfter(events, groups))).toEqual([
      4, 4, 3, 0,
    ])
    const whole: SingleEvent = { type: 'subject', sub: 'alice' }
    expect(
      [ALICE, IN_1, IN_2_AND_3].map((groups) => requiredAfter([...events, whole], groups)),
    ).toEqual([5, 5, 5])
  })
})

describe('a revocation', () => {
  it.each<[SingleEvent, SingleEvent]>([
    [
      { type: 'token', jti: 't1' },
      { type: 'token', jti: 't2' },
    ],
    [
      { type: 'grant', grant_id: 'g1' },
      { type: 'grant', grant_id: 'g2' },
    ],
    [
      { type: 'session', sid: 's1' },
      { type: 'session', sid: 's2' },
    ],
    [
      { type: 'subject', sub: 'alice' },
      { type: 'subject', sub: 'bob' },
    ],
    [
      { type: 'subject_client', sub: 'alice', client_id: 'web' },
      { type: 'subject_client', sub: 'alice', client_id: 'phone' },
    ],
    [
      { type: 'client', client_id: 'web' },
      { type: 'client', client_id: 'phone' },
    ],
  ])('of %j spoils replies that belong to it; one of %j does not', (own, other) => {
    for (const groups of [ALICE, IN_1]) {
      expect(requiredAfter([other, own], groups)).toBe(2)
      expect(requiredAfter([other], groups)).toBe(0)
    }
  })

  it.each<SingleEvent>([{ type: 'all' }, { type: 'schema' }])(
    'of %j spoils every reply',
    (event) => {
      for (const groups of [ALICE, IN_1, BOB]) expect(requiredAfter([event], groups)).toBe(1)
    },
  )
})

describe('origins', () => {
  it.each<SingleEvent>([
    { type: 'token', jti: 't3' },
    { type: 'token', jti: 't1' },
    { type: 'grant', grant_id: 'g3' },
    { type: 'client', client_id: 'middle' },
    { type: 'client', client_id: 'web' },
    { type: 'subject_client', sub: 'alice', client_id: 'web' },
  ])('make %j spoil what came from them', (event) => {
    expect(requiredAfter([event], EXCHANGED)).toBe(1)
  })

  it.each<SingleEvent>([
    { type: 'token', jti: 't5' },
    { type: 'client', client_id: 'other' },
    { type: 'subject_client', sub: 'bob', client_id: 'web' },
  ])('are not touched by %j', (event) => {
    expect(requiredAfter([event], EXCHANGED)).toBe(0)
  })

  it('are passed nothing: a token outlives what came from it', () => {
    expect(requiredAfter([{ type: 'token', jti: 't4' }], ALICE)).toBe(0)
  })
})

describe('marks that are full', () => {
  it('raise the floor to the last event of what they forget', () => {
    const events: SingleEvent[] = [aliceIn('course:1'), { type: 'token', jti: 'x' }]
    expect(requiredAfter(events, BOB, 3)).toBe(0)
    expect(requiredAfter(events, BOB, 2)).toBe(1)
    expect(requiredAfter(events, BOB, 1)).toBe(1)
    expect(requiredAfter([aliceIn('course:1'), aliceIn('course:2')], BOB, 2)).toBe(2)
  })

  it('are not filled by one subject, who is judged as a whole instead', () => {
    const events = courses(1, 100).map((context) => aliceIn(context))
    const marks = createMarks(0, 50)
    events.forEach((event, index) => {
      marks.raise(event, index + 1)
    })
    expect(marks.required(BOB)).toBe(0)
    // Of a hundred changes, the last 32 are told apart.
    expect(marks.required({ ...ALICE, contexts: ['course:other'] })).toBe(68)
    expect(marks.required({ ...ALICE, contexts: ['course:1'] })).toBe(68)
    expect(marks.required({ ...ALICE, contexts: ['course:80'] })).toBe(80)
  })

  it('have room again once a subject is judged as a whole', () => {
    const marks = createMarks(0, 34)
    for (let seq = 1; seq <= 20; seq += 2) {
      marks.raise(aliceIn(...courses(1, 32)), seq)
      marks.raise({ type: 'subject', sub: 'alice' }, seq + 1)
    }
    courses(1, 33).forEach((name, index) => {
      marks.raise({ type: 'token', jti: name }, 21 + index)
    })
    expect(marks.required(BOB)).toBe(0)
    marks.raise({ type: 'token', jti: 'one more' }, 54)
    expect(marks.required(BOB)).toBe(20)
  })
})
