/**
 * The form of every key and record, as literals: what a running installation holds must be readable by the next
 * version. docs/key-model.md tells the same; whoever changes one changes the other, and KEY_FORMAT.
 */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeAuthorization } from '../../store/grants/records.ts'
import { KEY_FORMAT } from '../../store/installation.ts'
import { createKeys, INSTALLATION_KEY } from '../../store/keys.ts'
import { createPartitions } from '../../store/partitions.ts'
import type { View } from '../../store/roles/resolve.ts'
import { type OwnInstallation, startInstallation } from '../fixture/installation.ts'
import {
  BY,
  issue,
  issueGrant,
  locate,
  newSub,
  refreshed,
  register,
  revoke,
} from '../redis/actions.ts'

const DOCUMENT = readFileSync(new URL('../../docs/key-model.md', import.meta.url), 'utf8')

const ID = '[A-Za-z0-9_-]{16}'
const HASH = '[A-Za-z0-9_-]{22}'
const NUMBER = '\\d+'
const US = '\\d{16}'

/** Form of each key of partition J, as in the document, its type, and whether it lives for ever. */
const KEYS = [
  ['cc{J}h', 'hash', true],
  ['cc{J}l', 'stream', false],
  ['cc{J}c', 'hash', true],
  ['cc{J}t<hash 22>', 'string', false],
  ['cc{J}g<id 16>', 'string', false],
  ['cc{J}k<id 16>', 'hash', false],
  ['cc{J}r<id 16>', 'string', false],
  ['cc{J}s<id 16>', 'string', false],
  ['cc{J}u<sub>', 'hash', true],
  ['cc{J}a<sub>', 'zset', true],
  ['cc{J}w', 'zset', true],
  ['cc{J}e', 'zset', true],
  ['cc{J}n', 'hash', true],
  ['cc{J}y', 'hash', true],
  ['cc{J}i<sub>', 'zset', false],
  ['cc{J}xt<hash 22>', 'string', false],
  ['cc{J}xg<id 16>', 'string', false],
  ['cc{J}xs<id 16>', 'string', false],
  ['cc{J}xu<sub>', 'string', false],
  ['cc{J}xp<client_id>⏎<sub>', 'string', false],
  ['cc{J}xc<client_id>', 'string', false],
  ['cc{J}xa', 'string', false],
] as const

const SCHEMA = {
  teacher: { permissions: ['grade'], assumable: ['student'] },
  student: { permissions: [], assumable: [] },
}
const END_S = 4_000_000_000

/** The same as a regular expression over real keys of any partition. */
function patternOf(form: string): RegExp {
  const source = form
    .replace('{J}', '\\{[A-Za-z0-9_-]\\}')
    .replace('<hash 22>', HASH)
    .replace('<id 16>', ID)
    .replace('⏎', '\\n')
    .replaceAll(/<(?:sub|client_id)>/g, '[a-z]+-[A-Za-z0-9_-]{10}')
  return new RegExp(`^${source}$`)
}

describe('the keys', () => {
  it('are spelled like this', () => {
    const keys = createKeys('cc', createPartitions(64))
    const at = keys.partition(9)
    expect(INSTALLATION_KEY).toBe('claimcheck:installation')
    expect(KEY_FORMAT).toBe('1')
    expect([keys.channel, keys.failures, keys.indexPattern]).toEqual([
      'cc:feed',
      'cc:failures',
      'cc{*}i*',
    ])
    expect(createKeys('cc', createPartitions(64), 3).channel).toBe('cc:feed:3')
    const streams = ['changes', 'issues', 'refusals', 'own', 'assignments', 'reads'] as const
    expect(streams.map((stream) => keys.audit(stream))).toEqual([
      'cc:audit:changes',
      'cc:audit:issues',
      'cc:audit:refusals',
      'cc:audit:own',
      'cc:audit:assignments',
      'cc:audit:reads',
    ])
    const { cutoff } = at
    expect([at.base, at.head, at.log, at.clients]).toEqual(['cc{J}', 'cc{J}h', 'cc{J}l', 'cc{J}c'])
    expect([at.token('H'), at.grant('G'), at.tokens('G'), at.successor('G')]).toEqual([
      'cc{J}tH',
      'cc{J}gG',
      'cc{J}kG',
      'cc{J}rG',
    ])
    expect([at.session('S'), at.subject('alice'), at.index('alice')]).toEqual([
      'cc{J}sS',
      'cc{J}ualice',
      'cc{J}ialice',
    ])
    expect([at.assignments('alice'), at.holders, at.ending]).toEqual([
      'cc{J}aalice',
      'cc{J}w',
      'cc{J}e',
    ])
    expect([at.roleCounts, at.schema]).toEqual(['cc{J}n', 'cc{J}y'])
    expect([cutoff.token('H'), cutoff.grant('G'), cutoff.session('S')]).toEqual([
      'cc{J}xtH',
      'cc{J}xgG',
      'cc{J}xsS',
    ])
    expect([cutoff.subject('alice'), cutoff.subjectClient('alice', 'web')]).toEqual([
      'cc{J}xualice',
      'cc{J}xpweb\nalice',
    ])
    expect([cutoff.client('web'), cutoff.all]).toEqual(['cc{J}xcweb', 'cc{J}xa'])
    expect(createKeys('p-1', createPartitions(128)).partition(127).head).toBe('p-1{B_}h')
  })

  it.each(KEYS)('%s stands in the document, as a %s', (form, type) => {
    expect(DOCUMENT).toContain(`| \`${form}\` | ${type} |`)
  })

  it('are all there are in the document', () => {
    const documented = [...DOCUMENT.matchAll(/^\| `(cc\{J\}[^`]*)`/gm)].map((match) => match[1])
    expect(documented).toEqual(KEYS.map(([form]) => form))
  })
})

describe('a store after a bit of everything', () => {
  let installation: OwnInstallation
  /** Names by which the records are found again. */
  let grant = ''
  let session = ''
  let ownHash = ''
  let exchangedHash = ''
  let newestHash = ''
  let sub = ''
  let clientId = ''
  let loadedSub = ''
  let loading: Record<string, string> = {}

  beforeAll(async () => {
    installation = await startInstallation({ partitions: 2 })
    const { store } = installation
    ;[sub, clientId] = [
      newSub(),
      await register(store, undefined, { resources: ['https://r.test'] }),
    ]
    await store.subjects.put(sub, BY, { status: 'active', claims: { name: 'A' } })
    await store.failures.record({ clientId, source: '192.0.2.1' })
    await store.audit.append({ action: 'subject.put', result: 'done', subject: sub })
    loadedSub = newSub()
    const load = await store.subjectLoads.begin(loadedSub, 60_000)
    if (load.kind !== 'begun') throw new Error(`the load came to ${load.kind}`)
    loading = await subjectOf(loadedSub)
    await store.subjectLoads.complete(loadedSub, load.name, {
      ...{ status: 'active', claims: { name: 'B' }, roles: [] },
    })
    const own = await issue(store, { sub, clientId })
    const issued = await issueGrant(store, { sub, clientId, session: 'new' })
    session = installation.partitions.parsePublicId(issued.sid as string)?.local ?? ''
    const next = await refreshed(store, issued.refreshToken, clientId, {
      narrowed: { scope: 'read', aud: ['https://r.test'] },
    })
    ownHash = (await locate(store, own.accessToken)).hash
    await store.roleSchemas.put(SCHEMA)
    await store.assignments.apply([
      { op: 'assign', sub, context: '*', role: 'student' },
      { op: 'assign', sub, context: 'course:1', role: 'teacher', expiresAt: END_S },
    ])
    const first = await exchange(next.accessToken, {
      contexts: ['a:1', 'a:2'],
      assumed: ['student'],
    })
    exchangedHash = (await locate(store, await exchange(first))).hash
    ;({ grant, hash: newestHash } = await locate(store, next.accessToken))
    // Long ago, so that nothing is voided and all records stay to be looked at.
    await revoke(store, { level: 'token', jti: own.jti }, 1)
    await revoke(store, { level: 'grant', grantId: issued.grantId }, 1)
    await revoke(store, { level: 'session', sid: issued.sid as string }, 1)
    await revoke(store, { level: 'subject', sub }, 1)
    await revoke(store, { level: 'subject', sub }, { issuedAfter: 4, issuedBefore: 5 })
    await revoke(store, { level: 'subject', sub }, { issuedAfter: 2, issuedBefore: 3 })
    await revoke(store, { level: 'subject+client', sub, clientId }, 1)
    await revoke(store, { level: 'client', clientId }, 1)
    await revoke(store, { level: 'all' }, 1)
  })

  function subjectOf(name: string): Promise<Record<string, string>> {
    const { redis, keys, partitions } = installation
    return redis.hgetall(keys.partition(partitions.of(name)).subject(name))
  }

  async function exchange(token: string, view?: View): Promise<string> {
    const { store } = installation
    const outcome = await store.tokens.exchange({
      origin: await locate(store, token),
      authorization: { sub, clientId, session, scope: 'read', aud: ['u'], login: {} },
      accessTokenLifetimeSeconds: 60,
      ...(view === undefined ? {} : { view }),
    })
    if (outcome.kind !== 'issued') throw new Error(`exchange came to ${outcome.kind}`)
    return outcome.accessToken
  }

  afterAll(() => installation.close())

  it('holds every form of key, and no key of another form', async () => {
    const all = await installation.server.direct.keys('*')
    const forms = KEYS.map(([form]) => ({ form, pattern: patternOf(form) }))
    const found = new Set<string>()
    const strange = all.filter((key) => {
      const known = forms.find(({ pattern }) => pattern.test(key))
      if (known !== undefined) found.add(known.form)
      return known === undefined
    })
    expect(strange.sort()).toEqual([
      'cc:audit:changes',
      expect.stringMatching(/^cc:failures:[A-Za-z0-9_-]{43}$/),
      'claimcheck:installation',
    ])
    expect([...found].sort()).toEqual(KEYS.map(([form]) => form).sort())
  })

  it('keeps each form in its type, and for ever only what has no end', async () => {
    const all = await installation.server.direct.keys('cc{*')
    for (const [form, type, lasts] of KEYS) {
      for (const key of all.filter((key) => patternOf(form).test(key))) {
        expect(await installation.server.direct.type(key), key).toBe(type)
        expect((await installation.server.direct.pttl(key)) === -1, key).toBe(lasts)
      }
    }
  })

  it('keeps records in these forms', async () => {
    const { redis, keys, partitions } = installation
    const at = keys.partition(partitions.of(sub))
    const authorization = (sid: string) =>
      `${sub}\\n${clientId}\\n${sid}\\nread write\\nhttps://issuer\\.test\\n`
    const token = `${US}\\n3600\\n`
    const cutoff = new RegExp(
      `^999999(?: 2000000-2999999 4000000-4999999)?\\n${US}\\n\\{"id":"rv_[A-Za-z0-9_-]{21}","by":"tester","reason":"test"\\}$`,
    )
    const records: [string, string | null, RegExp][] = [
      ['own token', await redis.get(at.token(ownHash)), RegExp(`^${token}${authorization('')}$`)],
      [
        'exchanged token',
        await redis.get(at.token(exchangedHash)),
        RegExp(
          `^${US}\\n60\\n${sub}\\n${clientId}\\n${session}\\nread\\nu\\n\\n\\n` +
            `\\n${HASH}\\n\\n${US}\\n${clientId}` +
            `\\n${newestHash}\\n${grant}\\n${US}\\n${clientId}$`,
        ),
      ],
      [
        'narrowed token',
        await redis.hget(at.tokens(grant), newestHash),
        RegExp(`^${token}read\\nhttps://r\\.test$`),
      ],
      [
        'grant',
        await redis.get(at.grant(grant)),
        RegExp(`^${authorization(session)}\\n${US}\\n${NUMBER}\\n${HASH}\\n${US}$`),
      ],
      [
        'session',
        await redis.get(at.session(session)),
        RegExp(`^${sub}\\n${US}\\n\\{"ip":"192\\.0\\.2\\.1","user_agent":"x \\\\"y\\\\""\\}$`),
      ],
      [
        'successor',
        await redis.get(at.successor(grant)),
        RegExp(`^${HASH}\\n${newestHash}\\nk1[A-Za-z0-9_-]{64}$`),
      ],
      ['client', await redis.hget(at.clients, `c:${clientId}`), /^1\nenabled\n\{.*\}$/],
      ['resource', await redis.hget(at.clients, 'r:https://r.test'), /^1$/],
      ['status', await redis.hget(at.subject(sub), 'status'), /^active$/],
      ['claims', await redis.hget(at.subject(sub), 'claims'), /^\{"name":"A"\}$/],
      ['clock', await redis.hget(at.head, 'clock'), RegExp(`^${US}$`)],
    ]
    const all = await installation.server.direct.keys('cc{?}x*')
    expect(all.length).toBeGreaterThan(7)
    for (const key of all) records.push([key, await redis.get(key), cutoff])
    for (const [what, record, form] of records) expect(record, what).toMatch(form)
  })

  it('keeps spans behind the full cutoff', async () => {
    const { redis, keys, partitions } = installation
    const record = await redis.get(keys.partition(partitions.of(sub)).cutoff.subject(sub))
    expect(record).toMatch(/^999999 2000000-2999999 4000000-4999999\n/)
  })

  it('keeps assignments and the role schema in these forms', async () => {
    const { redis, keys, partitions } = installation
    const all = [0, 1].map((partition) => keys.partition(partition))
    const at = keys.partition(partitions.of(sub))
    const end = String(END_S)
    expect(await redis.zrange(at.assignments(sub), 0, '-1', 'WITHSCORES')).toEqual([
      ...['* student', '0', `course:1 teacher ${end}`, '0'],
    ])
    expect(await redis.zrange(at.holders, 0, '-1', 'WITHSCORES')).toEqual([
      ...[`* student ${sub}`, '0', `course:1 teacher ${sub}\n${end}`, '0'],
    ])
    expect(await redis.zrange(at.ending, 0, '-1', 'WITHSCORES')).toEqual([
      ...[`course:1 teacher ${sub}`, end],
    ])
    expect(await redis.hgetall(at.roleCounts)).toEqual({ student: '1', teacher: '1' })
    for (const { schema } of all) {
      expect(await redis.hgetall(schema)).toEqual({
        id: '1.iCzNIAaXSgZ__MyHn12k_l',
        json: '{"teacher":{"permissions":["grade"],"assumable":["student"]},"student":{"permissions":[],"assumable":[]}}',
        'r:teacher': '',
        'r:student': '',
      })
    }
  })

  it('keeps loads and the audit in these forms', async () => {
    const form = RegExp(`^[A-Za-z0-9_-]{16} ${US}$`)
    expect(loading).toEqual({ loading: expect.stringMatching(form) })
    expect(await subjectOf(loadedSub)).toEqual({
      ...{ status: 'active', claims: '{"name":"B"}', loaded: '1' },
    })
    const { redis, keys } = installation
    const [entry, ...more] = await redis.xrange(keys.audit('changes'), '-', '+')
    expect(more).toEqual([])
    expect(entry).toEqual([
      expect.stringMatching(/^\d{13}-0$/),
      ['record', `{"action":"subject.put","result":"done","subject":"${sub}"}`],
    ])
    expect(await redis.pttl(keys.audit('changes'))).toBe(-1)
  })

  it('packs an authorization like this', () => {
    const login = { acr: 'a', amr: ['pwd'], auth_time: 1 }
    expect(
      encodeAuthorization({
        sub: 's',
        clientId: 'c',
        session: 'S',
        scope: 'x y',
        aud: ['u', 'v'],
        login,
      }),
    ).toBe('s\nc\nS\nx y\nu v\n{"acr":"a","amr":["pwd"],"auth_time":1}')
    expect(
      encodeAuthorization({ sub: 's', clientId: 'c', session: '', scope: '', aud: [], login: {} }),
    ).toBe('s\nc\n\n\n\n')
  })
})
