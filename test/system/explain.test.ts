/** Why a token is void: which revocation voided it, who made it, when and why; or that it expired, or never existed. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Login } from '../fixture/operator.ts'
import { fetchToken, postForm } from '../fixture/requests.ts'
import { GRADES, startWorld, type World } from '../fixture/world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld({ web: { scope: 'grades:read' } })
  await world.register('other-api', { introspect: true, resources: ['https://other.test'] })
})

afterAll(() => world.close())

async function explain(token: string, more: object = {}): Promise<Record<string, unknown>> {
  const response = await world.callAdmin('POST', '/explain', { token, ...more })
  expect(response.status).toBe(200)
  return (await response.json()) as Record<string, unknown>
}

it('tells the subject of a live token, and how two resource servers see it', async () => {
  const { access_token, grant_id, sid } = await world.login('alice')
  expect(await explain(access_token, { resource_server: 'grades-api' })).toEqual({
    state: 'active',
    kind: 'access_token',
    jti: expect.stringMatching(new RegExp(`^${grant_id}`)),
    grant_id,
    sid,
    sub: 'alice',
    client_id: 'web-app',
    scope: 'grades:read',
    aud: [GRADES],
    issued_at: expect.any(Number),
    expires_at: expect.any(Number),
    revocations: [],
    resource_server: { client_id: 'grades-api', sees: 'active' },
  })
  const other = await explain(access_token, { resource_server: 'other-api' })
  expect(other.resource_server).toEqual({
    client_id: 'other-api',
    sees: 'inactive',
    why: 'audience',
  })
  expect(await explain(access_token, { resource_server: 'web-app' })).toMatchObject({
    resource_server: { sees: 'inactive', why: 'not_introspecting' },
  })
})

const levels: readonly (readonly [level: string, target: (issued: Login) => Promise<object>])[] = [
  ['token', async ({ access_token }) => ({ token: access_token })],
  ['grant', async ({ grant_id }) => ({ grant: grant_id })],
  ['session', async ({ sid }) => ({ session: sid })],
  ['subject', async () => ({ subject: 'of-level' })],
  ['subject+client', async () => ({ subject: 'of-level', client: 'web-app' })],
]

for (const [level, targetOf] of levels) {
  it(`names the revocation of level ${level}`, async () => {
    const issued = await world.login('of-level')
    const target = await targetOf(issued)
    const reason = `because of ${level}`
    const revoked = await world.callAdmin('POST', '/revocations', { ...target, reason })
    const { id, cutoff } = (await revoked.json()) as { id: string; cutoff: number }
    const { state, revocations } = await explain(issued.access_token)
    expect(state).toBe('revoked')
    expect(revocations).toEqual([{ level, cutoff, at: cutoff, by: 'admin', reason, id }])
  })
}

it('names all of several, the latest first, and only those that void it', async () => {
  await world.callAdmin('POST', '/revocations', { subject: 'both', reason: 'too early' })
  const { access_token, sid } = await world.login('both')
  await world.callAdmin('POST', '/revocations', { session: sid, reason: 'first' })
  await world.callAdmin('POST', '/revocations', { subject: 'both', reason: 'second' })
  const { revocations } = await explain(access_token)
  expect((revocations as { reason: string }[]).map(({ reason }) => reason)).toEqual([
    'second',
    'first',
  ])
})

it('names the span of time that voids it, and not one beside it', async () => {
  const cut = async (more: object) => {
    const response = await world.callAdmin('POST', '/revocations', { subject: 'span', ...more })
    return (await response.json()) as { readonly id: string; readonly cutoff: number }
  }
  const issuedUs = async (token: string) =>
    (await world.store.tokens.explain(token)).token?.issuedAtUs ?? 0
  const tokens = []
  for (let n = 0; n < 4; n++) tokens.push((await world.login('span')).access_token)
  const us = await Promise.all(tokens.map(issuedUs))
  const time = (n: number) => (us[n] as number) / 1e6
  await cut({ issued_after: time(0), issued_before: time(2), reason: 'one' })
  const last = await cut({ issued_after: time(2), reason: 'two' })
  const facts = await Promise.all(tokens.map((token) => explain(token)))
  expect(facts.map(({ state }) => state)).toEqual(['active', 'revoked', 'active', 'revoked'])
  const [{ at, ...told } = { at: 0 }] = (facts[1]?.revocations ?? []) as readonly { at: number }[]
  // A record of several revocations has the details of the last one.
  const details = { level: 'subject', by: 'admin', reason: 'two', id: last.id }
  expect(told).toEqual({
    ...details,
    issued_after: time(0),
    cutoff: ((us[2] as number) - 1) / 1e6,
  })
  expect(facts[3]?.revocations).toEqual([
    { ...details, at, issued_after: time(2), cutoff: last.cutoff },
  ])
  await cut({ reason: 'all of it' })
  expect((await explain(tokens[3] as string)).revocations).toEqual([
    expect.not.objectContaining({ issued_after: expect.anything() }),
  ])
})

it('explains refresh tokens: live, used, revoked by their reuse', async () => {
  const { refresh_token } = await world.login('refreshing')
  expect(await explain(refresh_token)).toMatchObject({ state: 'active', kind: 'refresh_token' })
  const form = { grant_type: 'refresh_token', refresh_token }
  const next = (await (await postForm(`${world.issuer}/token`, world.web, form)).json()) as Login
  expect(await explain(refresh_token)).toMatchObject({ state: 'rotated', sub: 'refreshing' })
  expect(await explain(next.refresh_token)).toMatchObject({ state: 'active' })
  await world.callAdmin('POST', '/revocations', { token: next.refresh_token })
  const { state, revocations } = await explain(next.refresh_token)
  expect([state, (revocations as { level: string }[]).map(({ level }) => level)]).toEqual([
    'revoked',
    ['grant'],
  ])
})

it('tells of suspension and of a disabled client', async () => {
  const { access_token } = await world.login('suspended')
  await world.callAdmin('PUT', '/subjects/suspended', { status: 'suspended' })
  expect(await explain(access_token)).toMatchObject({
    state: 'revoked',
    revocations: [{ level: 'subject', by: 'admin', reason: 'subject suspended' }],
  })
  const client = await world.register('doomed', { grant_types: ['client_credentials'] })
  const token = await fetchToken(world.issuer, client)
  await world.callAdmin('PUT', '/clients/doomed', { enabled: false })
  expect(await explain(token)).toMatchObject({
    state: 'revoked',
    revocations: [{ level: 'client', by: 'admin' }],
  })
})

it('tells a token that never was from one that is not ours', async () => {
  const { access_token } = await world.login('somebody')
  const last = access_token.at(-1) === 'A' ? 'B' : 'A'
  expect(await explain(access_token.slice(0, -1) + last)).toEqual({
    state: 'not_a_token',
    revocations: [],
  })
  expect(await explain('hello')).toEqual({ state: 'not_a_token', revocations: [] })
})

it('names the origin by which an exchanged token died', async () => {
  const { access_token } = await world.login('teacher')
  const { state } = await world.store.tokens.introspect(access_token, '')
  const origin = await world.store.locate(access_token)
  if (state.kind !== 'active' || origin === undefined) throw new Error('not active')
  const exchanged = await world.store.tokens.exchange({
    origin,
    authorization: state.record.authorization,
    accessTokenLifetimeSeconds: 600,
  })
  if (exchanged.kind !== 'issued') throw new Error(exchanged.kind)
  await world.callAdmin('POST', '/revocations', { token: access_token, reason: 'leaked' })
  expect(await explain(exchanged.accessToken)).toMatchObject({
    state: 'revoked',
    exchanged_from: [state.jti],
    revocations: [{ level: 'token', reason: 'leaked', of: state.jti }],
  })
})

it('refuses bodies that are not one question', async () => {
  for (const body of [
    {},
    { token: '' },
    { token: 1 },
    { token: 'x', why: 'y' },
    { token: 'x'.repeat(5_000) },
  ]) {
    expect((await world.callAdmin('POST', '/explain', body)).status).toBe(400)
  }
  const unknown = { token: 'x', resource_server: 'nobody' }
  expect((await world.callAdmin('POST', '/explain', unknown)).status).toBe(422)
})
