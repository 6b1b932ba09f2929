/** Revocations as NDJSON, one per line: each is carried out and answered, and no token is repeated in an answer. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { REVOCATIONS_PER_WINDOW } from '../../issuer/admin/revocations/run.ts'
import { fetchToken, type TestClient } from '../fixture/requests.ts'
import { GRADES, INACTIVE, startWorld, type World } from '../fixture/world.ts'

type Told = Readonly<Record<string, unknown>>

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world.close())

function send(lines: readonly (object | string)[], query = '', token = world.adminToken()) {
  const body = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)))
  return fetch(`${world.issuer}/admin/v1/revocations${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
    body: `${body.join('\n')}\n`,
  })
}

async function told(response: Response): Promise<readonly Told[]> {
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'application/x-ndjson',
  ])
  const text = await response.text()
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Told)
}

const junk = (token: string) => token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')

it('revokes what each line names, and says what was live and whose it was', async () => {
  const alice = await world.login('alice')
  const bob = await world.login('bob')
  await world.callAdmin('POST', '/revocations', { grant: bob.grant_id })
  const carol = await world.login('carol')
  const lines = await told(
    await send([
      { token: alice.access_token, reason: 'leaked' },
      { token: bob.access_token },
      '',
      { token: junk(alice.access_token) },
      { token: carol.refresh_token },
      { subject: 'dave' },
      'not json',
      { token: 'x', what: 1 },
      {},
      { session: 'nothing' },
      '{"subject":"dave","subject":"erin"}',
    ]),
  )
  const issued_at = expect.any(Number)
  expect(lines).toEqual([
    {
      ...{ line: 1, outcome: 'revoked', level: 'token', affected: 1, sub: 'alice', issued_at },
      ...{ jti: expect.any(String), grant_id: alice.grant_id, sid: alice.sid },
      client_id: 'web-app',
    },
    {
      ...{ line: 2, outcome: 'already_void', level: 'token', affected: 0, sub: 'bob', issued_at },
      ...{ jti: expect.any(String), grant_id: bob.grant_id, sid: bob.sid },
      client_id: 'web-app',
    },
    { line: 4, error: 'not-a-token', detail: expect.any(String) },
    {
      ...{ line: 5, outcome: 'revoked', level: 'grant', affected: 1, sub: 'carol', issued_at },
      ...{ grant_id: carol.grant_id, sid: carol.sid, client_id: 'web-app' },
    },
    { line: 6, outcome: 'already_void', level: 'subject', affected: 0 },
    { line: 7, error: 'invalid-json', detail: expect.any(String) },
    { line: 8, error: 'invalid-body', detail: expect.any(String) },
    { line: 9, error: 'invalid-body', detail: expect.any(String) },
    { line: 10, error: 'not-found', detail: expect.any(String) },
    { line: 11, error: 'invalid-body', detail: 'A member is named twice.' },
    { through: 11, revoked: 2, already_void: 2, spared: 0, failed: 6 },
    { done: true, lines: 11, revoked: 2, already_void: 2, spared: 0, failed: 6 },
  ])
  for (const { access_token } of [alice, bob, carol]) {
    expect(await world.verdict(access_token)).toBe(INACTIVE)
  }
})

it('revokes only what was issued in a span, and says what it spared', async () => {
  const old = await world.login('hana')
  const { token } = await world.store.tokens.explain(old.access_token)
  const issued_after = (token?.issuedAtUs ?? 0) / 1e6
  const late = await world.login('hana')
  const lines = await told(
    await send([
      { token: old.access_token, issued_after },
      { token: late.access_token, issued_after },
      { token: late.refresh_token, issued_before: issued_after },
      { token: old.refresh_token, issued_before: issued_after },
      { token: old.access_token, issued_after, issued_before: issued_after },
    ]),
  )
  expect(lines.slice(0, 5).map(({ outcome, error }) => outcome ?? error)).toEqual([
    ...['spared', 'revoked', 'spared', 'spared', 'invalid-body'],
  ])
  const see = (text: string) => world.verdict(text)
  expect(await see(old.access_token)).not.toBe(INACTIVE)
  expect(await see(late.access_token)).toBe(INACTIVE)
})

it('changes nothing in a dry run', async () => {
  const { access_token } = await world.login('alice')
  const lines = await told(await send([{ token: access_token }], '?dry_run=true'))
  expect(lines[0]).toMatchObject({ outcome: 'revoked', affected: 1 })
  expect(await world.verdict(access_token)).not.toBe(INACTIVE)
  for (const query of ['?dry_run=yes', '?dry_run=true&dry_run=true', '?dryrun=true']) {
    expect((await send([{ token: access_token }], query)).status).toBe(400)
  }
})

it('voids a grant by a refresh token that was used already', async () => {
  const first = await world.login('erin')
  const next = await world.refresh(world.web, first.refresh_token)
  const { access_token } = (await next.json()) as { access_token: string }
  const lines = await told(await send([{ token: first.refresh_token }]))
  expect(lines[0]).toMatchObject({ outcome: 'revoked', level: 'grant', sub: 'erin' })
  expect(await world.verdict(access_token)).toBe(INACTIVE)
})

it('carries on over windows, and can be repeated', async () => {
  const count = REVOCATIONS_PER_WINDOW + 50
  const client: TestClient = await world.register('batch', {
    default_resources: [GRADES],
  })
  const tokens = await Promise.all(
    Array.from({ length: count }, () => fetchToken(world.issuer, client)),
  )
  const lines = tokens.map((token) => ({ token }))
  const once = await told(await send(lines))
  expect(once.filter(({ through }) => through !== undefined).map(({ through }) => through)).toEqual(
    [REVOCATIONS_PER_WINDOW, count],
  )
  expect(once.at(-1)).toMatchObject({ done: true, revoked: count, already_void: 0, failed: 0 })
  const twice = await told(await send(lines))
  expect(twice.at(-1)).toMatchObject({ done: true, revoked: 0, already_void: count, failed: 0 })
})

it('takes wide levels too, one after the other', async () => {
  const wide = await world.register('wide', { default_resources: [GRADES] })
  const token = await fetchToken(world.issuer, wide)
  const lines = await told(
    await send([
      { client: 'wide' },
      { subject: 'x', client: 'wide' },
      { client: 'nobody' },
      { client: 'wide' },
    ]),
  )
  expect(lines.slice(0, 4)).toEqual([
    { line: 1, outcome: 'revoked', level: 'client', affected: null },
    { line: 2, outcome: 'already_void', level: 'subject+client', affected: 0 },
    { line: 3, error: 'not-found', detail: expect.any(String) },
    { line: 4, outcome: 'revoked', level: 'client', affected: null },
  ])
  expect(await world.verdict(token)).toBe(INACTIVE)
})

it('is recorded, line by line where they are few', async () => {
  const { access_token } = await world.login('recorded')
  await told(await send([{ token: access_token, reason: 'on a forum' }]))
  const audit = await world.callAdmin('GET', '/audit?subject=recorded&limit=1')
  const { records } = (await audit.json()) as { records: readonly Told[] }
  expect(records[0]).toMatchObject({
    action: 'revocation.create',
    subject: 'recorded',
    reason: 'on a forum',
    target: { level: 'token', affected: 1 },
  })
})

it('is recorded under its subject, whichever way the target was named', async () => {
  for (const named of ['sid', 'grant_id', 'access_token'] as const) {
    const sub = `named by ${named}`
    const issued = await world.login(sub)
    const level = { sid: 'session', grant_id: 'grant', access_token: 'token' }[named]
    await world.callAdmin('POST', '/revocations', { [level]: issued[named] })
    const audit = await world.callAdmin('GET', `/audit?subject=${encodeURIComponent(sub)}`)
    const { records } = (await audit.json()) as { records: readonly Told[] }
    expect(records[0]).toMatchObject({ action: 'revocation.create', target: { level } })
  }
})

it('ends when the token of the operator is revoked in the middle', async () => {
  const operator = await world.register('operator', { scope: 'claimcheck:revoke' })
  const token = await fetchToken(world.issuer, operator)
  const lines = await told(
    await send(
      [
        { client: 'operator' },
        ...Array.from({ length: REVOCATIONS_PER_WINDOW + 1 }, () => ({ subject: 'nobody' })),
      ],
      '',
      token,
    ),
  )
  expect(lines.at(-1)).toMatchObject({
    done: false,
    error: 'unauthorized',
    through: REVOCATIONS_PER_WINDOW,
  })
})

it('needs its scope, and repeats no token', async () => {
  const narrow = await world.register('narrow', { scope: 'claimcheck:roles' })
  const token = await fetchToken(world.issuer, narrow)
  expect((await send([{ all: true }], '', token)).status).toBe(403)
  const { access_token } = await world.login('frank')
  const odd = [{ [access_token]: 1 }, { subject: access_token }, `${access_token} {`]
  const response = await send([{ token: access_token }, { token: junk(access_token) }, ...odd])
  expect(await response.text()).not.toMatch(/cc_at_[A-Za-z0-9_-]{20}/)
})
