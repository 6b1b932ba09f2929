/**
 * 150 operators change one thing at once. Each is answered with success, or with a refusal that says whether and when to
 * try again. What was acknowledged holds, and the log has warnings but no error.
 */
import { describe, expect, it } from 'vitest'
import { createKeys } from '../../store/keys.ts'
import { createPartitions } from '../../store/partitions.ts'
import type { Client } from '../../store/registry/clients.ts'
import { type CommandFilter, naming } from './redis-proxy.ts'
import { type Answer, type Json, SCHEMA, useRolesAdmin } from './roles-admin.ts'

const WRITERS = 150
const REFUSALS = [409, 412, 503]
const WARN = 40
const ROLE = { permissions: [], assumable: [] }
const PARTITIONS = createPartitions(64)
const KEYS = createKeys('cc', PARTITIONS)
const numbers = Array.from({ length: WRITERS }, (_, n) => n)

// A busy machine is slow to answer 150 writers, and that would be another reason to refuse them.
const patient = { commandTimeoutMs: 20_000 }
const { call, holdersIn, rolesOf, putSchema, schema, world } = useRolesAdmin(patient)

/** What all writers were answered, once none of them was answered otherwise than it may be. */
async function writeAtOnce(write: (n: number) => Promise<Answer>): Promise<readonly Answer[]> {
  const logged = world().logs.length
  const answers = await Promise.all(numbers.map(write))
  const refusals = answers.filter(({ status }) => status >= 300)
  expect(refusals.map(({ status }) => status).filter((one) => !REFUSALS.includes(one))).toEqual([])
  for (const { headers, body } of refusals.filter(({ status }) => status === 503)) {
    expect(headers.get('retry-after')).toBe('1')
    expect(body.type).toBe('urn:claimcheck:problem:temporarily-unavailable')
  }
  const lines = world().logs.slice(logged)
  expect(lines.filter((line) => (JSON.parse(line) as { level: number }).level > WARN)).toEqual([])
  return answers
}

/** The numbers of the writers that were acknowledged: at least one was. */
function acknowledged(answers: readonly Answer[]): readonly number[] {
  const done = numbers.filter((n) => (answers[n] as Answer).status < 300)
  expect(done).not.toEqual([])
  return done
}

/** The answer to a writer if another process changes the record between each of its reads and its writes. */
async function alwaysOvertaken(
  isWrite: CommandFilter,
  write: () => Promise<Answer>,
  overtake: () => Promise<unknown>,
): Promise<Answer> {
  const { proxy } = world()
  let held = proxy.holdAfter(0, isWrite)
  let answer: Answer | undefined
  const written = write().then((given) => {
    answer = given
  })
  for (;;) {
    await Promise.race([held, written])
    if (answer !== undefined) return answer
    await overtake()
    held = proxy.holdAfter(1, isWrite)
    proxy.mend()
  }
}

const clientOf = async (id: string) => (await world().store.clients.get(id)) as Client

describe('150 writers at once', () => {
  it('of one client', async () => {
    await call('PUT', '/clients/wanted', {})
    const before = await clientOf('wanted')
    const answers = await writeAtOnce((n) =>
      call('PUT', '/clients/wanted', { client_name: `writer ${n}` }),
    )
    const done = acknowledged(answers)
    const after = await clientOf('wanted')
    // Each acknowledged write has a version, and a refused one has none.
    expect(after.version - before.version).toBe(done.length)
    expect(done.map((n) => `writer ${n}`)).toContain(after.metadata.client_name)
  })

  it('of the secrets of one client', async () => {
    await call('PUT', '/clients/secretive', {})
    const answers = await writeAtOnce(() => call('POST', '/clients/secretive/secrets'))
    const given = acknowledged(answers).map((n) => answers[n]?.body.secret_id)
    const live = (await call('GET', '/clients/secretive')).body.secrets as Json[]
    expect(given).toEqual(expect.arrayContaining(live.map(({ secret_id }) => secret_id)))
  })

  it('of one client, half of them deleting it', async () => {
    await call('PUT', '/clients/disputed', {})
    const before = await clientOf('disputed')
    const answers = await writeAtOnce(async (n) => {
      if (n % 2 === 0) return call('PUT', '/clients/disputed', {})
      const { status, headers } = await world().callAdmin('DELETE', '/clients/disputed')
      return { status, headers, body: { type: 'urn:claimcheck:problem:temporarily-unavailable' } }
    })
    const done = acknowledged(answers)
    const after = (await call('PUT', '/clients/disputed', {})).status
    expect([200, 201]).toContain(after)
    expect((await clientOf('disputed')).version - before.version).toBe(done.length + 1)
  })

  it('of the role schema', async () => {
    const answers = await writeAtOnce((n) => putSchema({ ...SCHEMA, [`writer-${n}`]: ROLE }))
    const done = acknowledged(answers)
    const versions = done.map((n) => answers[n]?.body.version as number)
    expect(new Set(versions).size).toBe(done.length)
    const last = done[versions.indexOf(Math.max(...versions))]
    const { version, roles } = await schema()
    expect(version).toBe(Math.max(...versions))
    expect(Object.keys(roles)).toContain(`writer-${last}`)
  })

  it('of a role schema that they all want to replace', async () => {
    const { version } = await schema()
    const ifMatch = { 'if-match': `"${version}"` }
    const answers = await writeAtOnce((n) =>
      putSchema({ ...SCHEMA, [`replacer-${n}`]: ROLE }, '', ifMatch),
    )
    const done = acknowledged(answers)
    expect(done).toHaveLength(1)
    expect(Object.keys((await schema()).roles)).toContain(`replacer-${done[0]}`)
  })

  it('of one subject', async () => {
    const answers = await writeAtOnce((n) => call('PUT', '/subjects/wanted', { writer: n }))
    expect(acknowledged(answers)).toEqual(numbers)
    expect(numbers).toContain((await call('GET', '/subjects/wanted')).body.writer)
  })

  it('of the roles of one subject', async () => {
    await putSchema(SCHEMA)
    const answers = await writeAtOnce((n) =>
      call('POST', '/role-assignments', {
        op: 'assign',
        subject: 'wanted',
        context: `course:${n}`,
        role: 'student',
      }),
    )
    expect(acknowledged(answers)).toEqual(numbers)
    expect(await rolesOf('wanted')).toHaveLength(WRITERS)
  })

  it('of one assignment', async () => {
    const answers = await writeAtOnce(() =>
      call('POST', '/role-assignments', {
        op: 'assign',
        subject: 'sought',
        context: 'course:sought',
        role: 'student',
      }),
    )
    expect(answers.filter(({ body }) => body.assigned === 1)).toHaveLength(1)
    expect(await holdersIn('course:sought')).toHaveLength(1)
  })

  it('of the revocations of one client', async () => {
    const answers = await writeAtOnce(() => call('POST', '/revocations', { client: 'wanted' }))
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(WRITERS)
  })
})

describe('a writer that another process overtakes every time', () => {
  /** Gives a record that begins with its version the next one. */
  async function bump(key: string, field: string): Promise<void> {
    const { direct } = world().redis
    const record = (await direct.hget(key, field)) as string
    const next = record.replace(/^\d+/, (version) => String(Number(version) + 1))
    await direct.hset(key, field, next)
  }

  function expectBusy({ status, headers, body }: Answer, logged: readonly string[]): void {
    expect([status, body.type, headers.get('retry-after')]).toEqual([
      503,
      'urn:claimcheck:problem:temporarily-unavailable',
      '1',
    ])
    const lines = logged.map((line) => JSON.parse(line) as { msg: string; level: number })
    expect(lines.filter(({ msg }) => msg === 'store busy').map(({ level }) => level)).toEqual([
      WARN,
    ])
    expect(lines.filter(({ level }) => level > WARN)).toEqual([])
  }

  it('gets 503 for a client, and changes nothing', async () => {
    await call('PUT', '/clients/overtaken', { client_name: 'early' })
    const before = world().logs.length
    const answer = await alwaysOvertaken(
      naming('"client_id":"overtaken"'),
      () => call('PUT', '/clients/overtaken', { client_name: 'late' }),
      () => bump(KEYS.partition(PARTITIONS.of('overtaken')).clients, 'c:overtaken'),
    )
    expectBusy(answer, world().logs.slice(before))
    expect((await clientOf('overtaken')).metadata.client_name).toBe('early')
  })

  it('gets 503 for the role schema, and changes nothing', async () => {
    await putSchema(SCHEMA)
    const before = world().logs.length
    const answer = await alwaysOvertaken(
      naming('{"type":"schema"}'),
      () => putSchema({ late: ROLE }),
      () => bump(KEYS.partition(0).schema, 'id'),
    )
    expectBusy(answer, world().logs.slice(before))
    expect(Object.keys((await schema()).roles)).not.toContain('late')
  })
})
