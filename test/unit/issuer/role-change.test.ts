import { describe, expect, it } from 'vitest'
import { isRefusal, readChangeLine } from '../../../issuer/admin/roles/change.ts'

const TOKEN = `cc_at_${'x'.repeat(68)}`
const GOOD = { op: 'assign', subject: 'alice', context: 'course:1', role: 'teacher' }
const read = (line: string | Buffer) => readChangeLine(Buffer.from(line as string))
const readWith = (members: object) => read(JSON.stringify({ ...GOOD, ...members }))

describe('a line', () => {
  it('is a change', () => {
    const { subject: sub, ...rest } = GOOD
    expect(readWith({})).toEqual({ sub, ...rest })
    expect(readWith({ expires_at: 1_800_000_000 })).toEqual({
      sub,
      ...rest,
      expiresAt: 1_800_000_000,
    })
    expect(readWith({ op: 'remove', context: '*' })).toEqual({
      sub,
      ...rest,
      op: 'remove',
      context: '*',
    })
    expect(
      read(` { "role":"a/b", "op" : "assign","context":"a:b:c","subject":"\\u00fc:{}\\"" } `),
    ).toEqual({
      op: 'assign',
      sub: 'ü:{}"',
      context: 'a:b:c',
      role: 'a/b',
    })
  })

  it.each([
    ['nothing', ' '],
    ['no JSON', '{"op":'],
    ['two values', `${JSON.stringify(GOOD)} ${JSON.stringify(GOOD)}`],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['very deep nesting that does not end', '['.repeat(4_000)],
  ])('of %s is no JSON', (_what, line) => {
    expect(read(line)).toMatchObject({ error: 'invalid-json' })
  })

  it('that is too long is named', () => {
    expect(readChangeLine('too-long')).toEqual({
      error: 'line-too-long',
      detail: 'A line may have at most 4096 bytes.',
    })
  })

  it.each<[string, string, RegExp]>([
    ['null', 'null', /object/],
    ['an array', `[${JSON.stringify(GOOD)}]`, /object/],
    ['deep nesting', `${'['.repeat(2_000)}${']'.repeat(2_000)}`, /object/],
    ['an empty object', '{}', /^op: /],
    [
      'a doubled member',
      '{"op":"assign","op":"remove","subject":"a","context":"*","role":"r"}',
      /twice/,
    ],
    [
      'a doubled, escaped member',
      '{"op":"assign","\\u006fp":"remove","subject":"a","context":"*","role":"r"}',
      /twice/,
    ],
  ])('of %s is no change', (_what, line, detail) => {
    expect(read(line)).toMatchObject({
      error: 'invalid-change',
      detail: expect.stringMatching(detail),
    })
  })

  it.each<[object, RegExp]>([
    [{ op: 'grant' }, /^op: /],
    [{ subject: '' }, /^subject: /],
    [{ subject: 5 }, /^subject: /],
    [{ subject: 'x'.repeat(256) }, /^subject: /],
    [{ subject: 'a\nb' }, /^subject: /],
    [{ subject: '\ud800' }, /^subject: /],
    [{ subject: '..' }, /^subject: /],
    [{ subject: `a${TOKEN}` }, /^subject: must not hold a token/],
    [{ context: 'course' }, /^context: /],
    [{ context: 'course:*' }, /^context: /],
    [{ context: 'course:a b' }, /^context: /],
    [{ context: `course:${'x'.repeat(191)}` }, /^context: /],
    [{ context: `course:${TOKEN}` }, /^context: must not hold a token/],
    [{ context: ['course:1'] }, /^context: /],
    [{ role: '' }, /^role: /],
    [{ role: 'a b' }, /^role: /],
    [{ role: 'x'.repeat(65) }, /^role: /],
    [{ role: null }, /^role: /],
    [{ expires_at: '1' }, /^expires_at: /],
    [{ expires_at: null }, /^expires_at: /],
    [{ expires_at: 1.5 }, /^expires_at: /],
    [{ expires_at: -1 }, /^expires_at: /],
    [{ expires_at: 1_800_000_000_000 }, /^expires_at: .*milliseconds/],
    [{ op: 'remove', expires_at: 1_800_000_000 }, /^expires_at: must not be given for a removal/],
    [{ until: 5 }, /^until: is not a member of a change$/],
    [{ ['__proto__']: {} }, /^__proto__: /],
    [{ [TOKEN]: 1 }, /^cc_at_…: /],
    [{ ['n'.repeat(1_000)]: 1 }, /^n{64}: /],
  ])('with %j is no change', (members, detail) => {
    const refused = readWith(members)
    expect(refused).toMatchObject({
      error: 'invalid-change',
      detail: expect.stringMatching(detail),
    })
    expect(JSON.stringify(refused)).not.toContain('x'.repeat(20))
  })

  it('of the longest names, all escaped, fits', () => {
    const escaped = (text: string) => text.replaceAll('x', '\\u0078').replaceAll('ü', '\\u00fc')
    const longest = { ...GOOD, subject: 'ü'.repeat(255), context: `t:${'x'.repeat(190)}` }
    const line = escaped(
      JSON.stringify({ ...longest, role: 'x'.repeat(64), expires_at: 1_800_000_000 }),
    )
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(4_096)
    expect(isRefusal(read(line))).toBe(false)
  })
})
