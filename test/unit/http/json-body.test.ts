import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { JSON_RULES, type JsonRules, parseBody, readJson } from '../../../http/body/json.ts'
import { OAuthError } from '../../../http/errors/oauth-error.ts'
import { ProblemError } from '../../../http/errors/problem.ts'

/** A request as far as body reading looks at one. */
function request(body: string | Uint8Array, contentType?: string): IncomingMessage {
  const stream = Readable.from(body.length === 0 ? [] : [Buffer.from(body)])
  const headers = contentType === undefined ? {} : { 'content-type': contentType }
  return Object.assign(stream, { headers }) as unknown as IncomingMessage
}
const read = (
  body: string | Uint8Array,
  rules: Partial<JsonRules> = {},
  type = 'application/json',
) => readJson(request(body, type), { ...JSON_RULES, ...rules })
const status = (promise: Promise<unknown>) =>
  promise.then(
    () => 200,
    (error: unknown) => {
      expect(error).toBeInstanceOf(OAuthError)
      return (error as OAuthError).status
    },
  )

describe('readJson', () => {
  it('reads an object, with or without a charset', async () => {
    expect(await read('{"a":[1,"é"]}')).toEqual({ a: [1, 'é'] })
    expect(await read('{}', {}, 'Application/JSON; charset="UTF-8"')).toEqual({})
  })

  it.each([
    ['malformed JSON', '{"a":', 400],
    ['an empty body', '', 400],
    ['an array', '[]', 400],
    ['null', 'null', 400],
    ['a byte order mark', '\ufeff{}', 400],
    ['bytes that are not UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), 400],
    ['half a surrogate pair', '{"a":"\\ud800"}', 400],
    ['half a surrogate pair in a name', '{"\\ud800":1}', 400],
    ['__proto__', '{"a":{"__proto__":{"x":1}}}', 400],
    ['deep nesting', `{"a":${'['.repeat(16)}${']'.repeat(16)}}`, 400],
    ['very deep nesting', '['.repeat(60_000), 400],
    ['too many bytes', `{"a":"${'x'.repeat(70_000)}"}`, 413],
  ])('refuses %s', async (_what, body, expected) => {
    expect(await status(read(body))).toBe(expected)
  })

  it('accepts nesting up to the limit', async () => {
    expect(await status(read(`{"a":${'['.repeat(15)}${']'.repeat(15)}}`))).toBe(200)
  })

  it('refuses another content type or charset with 415', async () => {
    for (const type of ['text/plain', 'application/json; charset=latin1', 'application/json5']) {
      expect(await status(read('{}', {}, type)), type).toBe(415)
    }
    expect(await status(readJson(request('{}')))).toBe(415)
  })

  it('reads no body as undefined only where that is allowed', async () => {
    const rules = { ...JSON_RULES, optional: true }
    expect(await readJson(request(''), rules)).toBeUndefined()
    expect(await readJson(request('', 'application/json'), rules)).toBeUndefined()
    expect(await status(readJson(request('{}'), rules))).toBe(415)
  })

  it('throws nothing but its own error on random text', async () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.json())
    await fc.assert(
      fc.asyncProperty(text, async (body) => {
        expect([200, 400]).toContain(await status(read(body)))
      }),
    )
  })
})

describe('parseBody', () => {
  const schema = z.strictObject({ sub: z.string().min(1), list: z.array(z.number()).default([]) })

  it('gives back what the schema makes of the body', () => {
    expect(parseBody(schema, { sub: 'a' })).toEqual({ sub: 'a', list: [] })
  })

  it('lists every mistake with its JSON Pointer, unknown members too', () => {
    try {
      parseBody(schema, { sub: '', list: [1, 'x'], 'a/b~c': 1, more: 2 })
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(ProblemError)
      const { errors, slug, status } = error as ProblemError
      expect([slug, status]).toEqual(['invalid-body', 400])
      expect(errors?.map(({ pointer }) => pointer).sort()).toEqual([
        '/a~1b~0c',
        '/list/1',
        '/more',
        '/sub',
      ])
      expect(errors?.find(({ pointer }) => pointer === '/more')?.detail).toBe(
        'is not a member of this body',
      )
    }
  })
})
