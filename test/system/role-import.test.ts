/** Importing assignments as a stream, with what real senders do: send slowly, read nothing, break off, send nonsense. */
import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fetchToken } from '../fixture/requests.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { type ProxiedWorld, startProxiedWorld } from './proxied-world.ts'
import { naming } from './redis-proxy.ts'

type Json = Record<string, unknown>

const NDJSON = 'application/x-ndjson'
const TOKEN = `cc_at_${'x'.repeat(68)}`
/** Lines that are applied at once. */
const WINDOW = 5_000
/** Subjects in a file of {@link lines}. */
const SUBJECTS = 50
const NOTHING = { assigned: 0, removed: 0, unchanged: 0, failed: 0 }

let world: ProxiedWorld

beforeAll(async () => {
  world = await startProxiedWorld()
  const roles = { teacher: { permissions: ['grade:write'] }, student: { permissions: [] } }
  await world.callAdmin('PUT', '/role-schema', { roles })
})

afterAll(() => world.close())

const change = (subject: string, context: string, members: object = {}) => ({
  op: 'assign',
  subject,
  context,
  role: 'student',
  ...members,
})

/** So many lines, a context each, from a number on. */
function lines(name: string, count: number, from = 0, members: object = {}): string {
  return Array.from({ length: count }, (_, n) => {
    const number = from + n
    return `${JSON.stringify(change(`${name}-${number % SUBJECTS}`, `course:${number}`, members))}\n`
  }).join('')
}

function begin(headers: Record<string, string> = {}, token = world.adminToken()): ClientRequest {
  const sent = request(`${world.issuer}/admin/v1/role-assignments`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': NDJSON, ...headers },
  })
  sent.on('error', () => {})
  return sent
}

async function answerOf(
  sent: ClientRequest,
): Promise<{ status: number; type: string; text: string }> {
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.setEncoding('utf8')
  let text = ''
  for await (const chunk of response) text += chunk
  return {
    status: response.statusCode as number,
    type: String(response.headers['content-type']),
    text,
  }
}

interface Told {
  readonly errors: readonly Json[]
  readonly progress: readonly Json[]
  readonly last: Json | undefined
}

function parse(text: string): Told {
  expect(text.at(-1)).toBe('\n')
  const told = text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as Json)
  const last = told.pop()
  return {
    errors: told.filter((line) => 'line' in line),
    progress: told.filter((line) => 'through' in line),
    last,
  }
}

async function importAll(
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<Told> {
  const sent = begin(headers)
  sent.end(body)
  const { status, type, text } = await answerOf(sent)
  expect([status, type]).toEqual([200, NDJSON])
  return parse(text)
}

async function rolesOf(sub: string): Promise<readonly Json[]> {
  const found: Json[] = []
  let cursor = ''
  do {
    const response = await world.callAdmin('GET', `/subjects/${sub}/roles?limit=500${cursor}`)
    const page = (await response.json()) as { roles: Json[]; next_cursor?: string }
    found.push(...page.roles)
    cursor = page.next_cursor === undefined ? '' : `&cursor=${page.next_cursor}`
  } while (cursor !== '')
  return found
}
const contextsOf = async (sub: string) => (await rolesOf(sub)).map(({ context }) => context)

describe('an import', () => {
  it('applies every line and counts', async () => {
    const { errors, progress, last } = await importAll(
      `${lines('small', 3)}${lines('small', 1)}${lines('small', 1, 1, { op: 'remove' })}`,
    )
    const counts = { assigned: 3, removed: 1, unchanged: 1, failed: 0 }
    expect(errors).toEqual([])
    expect(progress).toEqual([{ through: 5, ...counts }])
    expect(last).toEqual({ done: true, lines: 5, ...counts })
    expect(await contextsOf('small-0')).toEqual(['course:0'])
    expect(await contextsOf('small-1')).toEqual([])
  })

  it('may be empty', async () => {
    for (const body of ['', '\n\r\n', '\ufeff']) {
      const { errors, progress, last } = await importAll(body)
      expect([errors, progress]).toEqual([[], []])
      expect(last).toMatchObject({ done: true, ...NOTHING })
    }
  })

  it('tells of bad lines by their number, and applies the others', async () => {
    const good = (n: number) => JSON.stringify(change('mixed', `course:${n}`))
    const body = Buffer.concat([
      Buffer.from(`\ufeff${good(1)}\r\n`),
      Buffer.from('\r\n\n'),
      Buffer.from(`{"op":"assign",\n${good(5)}\n`),
      Buffer.from([0x22, 0xff, 0x22, 0x0a]),
      Buffer.from(`${JSON.stringify(change('mixed', 'course:7', { role: 'nobody' }))}\n`),
      Buffer.from(`${JSON.stringify(change('mixed', 'course:8', { expires_at: 1_000 }))}\n`),
      Buffer.from(`${JSON.stringify(change('mixed', 'course:9', { [TOKEN]: 1 }))}\n`),
      Buffer.from(`${JSON.stringify(change('mixed', TOKEN))}\n`),
      Buffer.from(`"${'y'.repeat(100_000)}"\n`),
      Buffer.from(
        '{"op":"assign","op":"remove","subject":"mixed","context":"*","role":"student"}\n',
      ),
      Buffer.from(good(13)),
    ])
    const sent = begin()
    sent.end(body)
    const { text } = await answerOf(sent)
    expect(text).not.toContain('x'.repeat(20))
    expect(text).not.toContain('yyyy')
    const { errors, last } = parse(text)
    expect(errors.map(({ line, error }) => [line, error])).toEqual([
      [4, 'invalid-json'],
      [6, 'invalid-json'],
      [7, 'unknown-role'],
      [8, 'past'],
      [9, 'invalid-change'],
      [10, 'invalid-change'],
      [11, 'line-too-long'],
      [12, 'invalid-change'],
    ])
    expect(errors[5]).toMatchObject({ detail: expect.stringMatching(/^context: /) })
    expect(last).toEqual({ done: true, lines: 13, ...NOTHING, assigned: 3, failed: 8 })
    expect(await contextsOf('mixed')).toEqual(['course:1', 'course:13', 'course:5'])
    expect(world.logs.filter((line) => line.includes('xxxxxxxx'))).toEqual([])
  })

  it('keeps the order of a file, also from window to window', async () => {
    const back = { op: 'remove' }
    const to = (members: object = {}) =>
      `${JSON.stringify(change('ordered', 'course:1', members))}\n`
    const filler = lines('filler', WINDOW - 1)
    const { last } = await importAll(
      `${to()}${to(back)}${to()}${filler}${to(back)}${filler}${to()}${to({ ...back, context: 'course:2' })}`,
    )
    expect(last).toMatchObject({ done: true, failed: 0 })
    expect(await contextsOf('ordered')).toEqual(['course:1'])
    const { last: again } = await importAll(`${filler}${to(back)}`)
    expect(again).toMatchObject({ done: true, failed: 0 })
    expect(await contextsOf('ordered')).toEqual([])
  })

  it('of many lines is told as it goes on, and changes nothing when repeated', async () => {
    const file = lines('many', 50_000)
    const first = await importAll(file)
    expect(first.errors).toEqual([])
    expect(first.progress).toEqual(
      Array.from({ length: 10 }, (_, n) => ({
        ...NOTHING,
        through: (n + 1) * WINDOW,
        assigned: (n + 1) * WINDOW,
      })),
    )
    expect(first.last).toEqual({ done: true, lines: 50_000, ...NOTHING, assigned: 50_000 })
    const second = await importAll(file)
    expect(second.last).toEqual({ done: true, lines: 50_000, ...NOTHING, unchanged: 50_000 })
    expect(await rolesOf('many-7')).toHaveLength(50_000 / SUBJECTS)
  })

  it('of two files at once ends with both', async () => {
    const both = await Promise.all([
      importAll(lines('pair', 2 * WINDOW)),
      importAll(lines('pair', 2 * WINDOW, 2 * WINDOW)),
      importAll(lines('pair', WINDOW, WINDOW)),
    ])
    for (const { last } of both) expect(last).toMatchObject({ done: true, failed: 0 })
    expect(await rolesOf('pair-3')).toHaveLength((4 * WINDOW) / SUBJECTS)
  })

  it('is refused when it is no stream of lines', async () => {
    const statusOf = async (headers: Record<string, string>) => {
      const sent = begin(headers)
      sent.end(lines('refused', 1))
      return (await answerOf(sent)).status
    }
    expect(await statusOf({ 'content-type': 'text/plain' })).toBe(415)
    expect(await statusOf({ 'content-type': `${NDJSON}; charset=latin1` })).toBe(415)
    expect(await statusOf({ 'content-encoding': 'gzip' })).toBe(415)
    expect(await statusOf({ 'content-type': `${NDJSON}; charset=utf-8` })).toBe(200)
  })

  it('leaves 500 changes one by one in the audit, and what is beyond by the window', async () => {
    const client = await world.register('auditor', { scope: 'claimcheck:roles' })
    const sent = begin({}, await fetchToken(world.issuer, client))
    sent.end(lines('audited', WINDOW + 1))
    await answerOf(sent)
    const read = await world.callAdmin('GET', '/audit?actor=auditor&order=asc&limit=500')
    const page = (await read.json()) as { records: Json[]; next_cursor: string }
    const next = `/audit?actor=auditor&order=asc&cursor=${page.next_cursor}`
    const { records: more } = (await (await world.callAdmin('GET', next)).json()) as typeof page
    const records = [...page.records, ...more]
    expect(records.filter(({ subject }) => subject !== undefined)).toHaveLength(500)
    const windows = records.filter(({ subject }) => subject === undefined)
    expect(windows.map(({ action, target }) => [action, target])).toEqual([
      ['role_assignments.apply', { through: WINDOW, ...NOTHING, assigned: WINDOW }],
      ['role_assignments.apply', { through: WINDOW + 1, ...NOTHING, assigned: WINDOW + 1 }],
    ])
  })
})

describe('a sender', () => {
  it('that reads while it sends is told of each window', async () => {
    const sent = begin()
    sent.write(lines('chatty', WINDOW))
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    const chunks = response.setEncoding('utf8')[Symbol.asyncIterator]()
    const told = async () => (await chunks.next()).value as string
    expect(JSON.parse(await told())).toEqual({ ...NOTHING, through: WINDOW, assigned: WINDOW })
    sent.end(lines('chatty', 1))
    const rest = (await told()) + (response.readableEnded ? '' : ((await told()) ?? ''))
    expect(parse(rest).last).toMatchObject({ done: true, lines: WINDOW + 1, unchanged: 1 })
  })

  it('that reads nothing before it has sent all is not waited for, and told how much it missed', async () => {
    // More than kernels hold.
    const count = 200_000
    const sent = begin()
    const responded = once(sent, 'response') as Promise<[IncomingMessage]>
    // No listener reads the answer: what the kernel cannot hold stays with the service.
    const bad = 'null\n'.repeat(1_000)
    for (let n = 0; n < count; n += 1_000) {
      if (!sent.write(bad)) await once(sent, 'drain')
    }
    sent.end(lines('patient', 1))
    await once(sent, 'finish')
    await waitFor(async () => (await contextsOf('patient-0')).length === 1)
    const [response] = await responded
    let text = ''
    for await (const chunk of response.setEncoding('utf8')) text += chunk
    const { errors, last } = parse(text)
    expect(last).toMatchObject({ done: true, lines: count + 1, assigned: 1, failed: count })
    expect(Number(last?.errors_omitted)).toBeGreaterThan(0)
    expect(errors.length + Number(last?.errors_omitted)).toBe(count)
    const numbers = errors.map(({ line }) => Number(line))
    expect(numbers).toEqual(numbers.toSorted((one, other) => one - other))
  })

  it('that reads in time is told of every bad line', async () => {
    const { errors, last } = await importAll('null\n'.repeat(20_000))
    expect(last).toEqual({ done: true, lines: 20_000, ...NOTHING, failed: 20_000 })
    expect(errors.map(({ line }) => line)).toEqual(Array.from({ length: 20_000 }, (_, n) => n + 1))
  })

  it('that breaks off has applied what it sent, and a repeat comes to the same end', async () => {
    const file = lines('broken', 2 * WINDOW)
    const sent = begin()
    const half = file.indexOf('\n', file.length / 2)
    sent.write(file.slice(0, half - 10))
    await once(sent, 'socket')
    const requestOver = waitFor(() =>
      world.logs.some((line) => line.includes('"aborted":true') && line.includes('role-assign')),
    )
    await waitFor(async () => (await contextsOf('broken-0')).length > 0)
    sent.destroy()
    await requestOver
    const whole = file.slice(0, half - 10).split('\n').length - 1
    expect(whole).toBe(await countOf('broken'))
    const { last } = await importAll(file)
    expect(last).toEqual({
      done: true,
      lines: 2 * WINDOW,
      ...NOTHING,
      assigned: 2 * WINDOW - whole,
      unchanged: whole,
    })
    expect(await countOf('broken')).toBe(2 * WINDOW)
  })

  async function countOf(name: string): Promise<number> {
    let count = 0
    for (let n = 0; n < SUBJECTS; n++) count += (await rolesOf(`${name}-${n}`)).length
    return count
  }

  it('that is cut off by a revocation gets no further', async () => {
    const operator = await world.register('mover', { scope: 'claimcheck:roles' })
    const sent = begin({}, await fetchToken(world.issuer, operator))
    sent.write(lines('moved', WINDOW))
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    await world.callAdmin('POST', '/revocations', { client: 'mover' })
    sent.end(lines('moved', WINDOW, WINDOW))
    let text = ''
    for await (const chunk of response.setEncoding('utf8')) text += chunk
    expect(parse(text).last).toEqual({
      done: false,
      error: 'unauthorized',
      through: WINDOW,
      ...NOTHING,
      assigned: WINDOW,
    })
    expect(await contextsOf('moved-0')).not.toContain(`course:${WINDOW}`)
  })
})

describe('an outage', () => {
  /** Two windows, and the mark in the third: it is sent once the first is reported. */
  const markedLines = (name: string, mark: string) =>
    `${lines(name, 2 * WINDOW)}${JSON.stringify(change(mark, 'course:1'))}\n${lines(name, WINDOW, 2 * WINDOW)}`

  it('in the middle is told with how far it got, and a repeat completes it', async () => {
    const file = markedLines('outage', 'marked-late')
    const isCut = world.proxy.cutAfter(0, naming('marked-late'))
    const [{ last, progress }] = await Promise.all([importAll(file), isCut])
    const { through } = last as { through: number }
    expect([WINDOW, 2 * WINDOW]).toContain(through)
    expect(last).toEqual({
      done: false,
      error: 'temporarily-unavailable',
      through,
      ...NOTHING,
      assigned: through,
    })
    expect(progress).toHaveLength(through / WINDOW)
    world.proxy.mend()
    await waitFor(async () => (await world.callAdmin('GET', '/role-schema')).ok)
    const { last: repeated } = await importAll(file)
    expect(repeated).toMatchObject({ done: true, lines: 3 * WINDOW + 1, failed: 0, removed: 0 })
    expect(await contextsOf('marked-late')).toEqual(['course:1'])
  })

  it('before anything was applied is a plain 503', async () => {
    const isCut = world.proxy.cutAfter(0, naming('marked-early'))
    const sent = begin()
    sent.end(`${lines('early', 10)}${JSON.stringify(change('marked-early', '*'))}\n`)
    const [answer] = await Promise.all([answerOf(sent), isCut])
    expect([answer.status, answer.type]).toEqual([503, 'application/problem+json'])
    expect(JSON.parse(answer.text)).toMatchObject({
      type: 'urn:claimcheck:problem:temporarily-unavailable',
    })
    world.proxy.mend()
    await waitFor(async () => (await world.callAdmin('GET', '/role-schema')).ok)
  })

  it('is told at once to a sender that pauses', async () => {
    const isCut = world.proxy.cutAfter(0, naming('marked-pause'))
    const sent = begin()
    sent.write(`${JSON.stringify(change('marked-pause', '*'))}\n${lines('pause', WINDOW - 1)}`)
    const [answer] = await Promise.all([answerOf(sent), isCut])
    expect(answer.status).toBe(503)
    sent.destroy()
    world.proxy.mend()
    await waitFor(async () => (await world.callAdmin('GET', '/role-schema')).ok)
  })
})
