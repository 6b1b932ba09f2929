/** The operations of the agreement test: each is done to the store and reported to the model. */
import type { Client, ClientMetadata } from '../../store/registry/clients.ts'
import type { RevocationTarget } from '../../store/revocations/target.ts'
import type { Store } from '../../store/store.ts'
import { createLatticeModel, type Issued, type Lineage, type Span } from './lattice-model.ts'
import type { Level, Step } from './lattice-steps.ts'

interface AccessToken extends Issued {
  readonly text: string
}

interface Grant extends Issued {
  /** The newest one, and the ones it replaced. */
  refreshTokens: string[]
  /** Refreshes of one grant queue up: what overlapping ones come to is tested by 'refresh twice'. */
  queue: Promise<void>
}

/** A moment to revoke back to. */
interface Moment {
  readonly seconds: number
  readonly span: Span
}

/** What the actors work with. */
export interface ActorsOptions {
  readonly issuers: readonly Store[]
  readonly readers: readonly Store[]
  /** Distinguishes the names of this run. */
  readonly run: string
  /** The time of Redis in epoch seconds. */
  readonly redisTime: () => Promise<number>
}

const METADATA: ClientMetadata = {
  token_endpoint_auth_method: 'none',
  grant_types: ['refresh_token'],
  scope: 'a',
  resources: [],
  introspect: false,
  default_resources: ['urn:test'],
  access_token_lifetime: 3_600,
  refresh_token_lifetime: 3_600,
  refresh_token_idle_lifetime: 3_600,
}

/** Makes the world of one run: three subjects, two clients, nothing issued. */
export async function createActors({ issuers, readers, run, redisTime }: ActorsOptions) {
  const model = createLatticeModel()
  const subs = [0, 1, 2].map((n) => `${run}-sub-${n}`)
  const clients = [0, 1].map((n) => `${run}-client-${n}`)
  const tokens: AccessToken[] = []
  const grants: Grant[] = []
  const moments: Moment[] = []
  const complaints: string[] = []
  const by = 'test'

  const choose = <Item>(items: readonly Item[], pick: number) => items[pick % items.length]
  const setClient = (store: Store, id: string, enabled: boolean): Promise<Client> =>
    store.clients.put(id, by, (current) => ({
      ...(current ?? { secrets: [], metadata: METADATA }),
      enabled,
    }))
  await Promise.all(clients.map((id) => setClient(issuers[0] as Store, id, true)))

  /** Does something, and tells how long it took in ticks. */
  async function during<Result>(call: () => Promise<Result>, span = model.begin()) {
    const result = await call()
    span.end = model.tick()
    return { result, span }
  }

  async function issue(store: Store, sub: string, client: string, joined?: Grant) {
    const sid = joined?.lineage.session
    const { result, span } = await during(() =>
      store.tokens.issue({
        authorization: { sub, clientId: client, scope: 'a', aud: ['urn:test'], login: {} },
        subjectKind: 'user',
        session: sid === undefined ? { mode: 'new', device: {} } : { mode: 'join', sid },
        accessTokenLifetimeSeconds: 3_600,
        refresh: { lifetimeSeconds: 3_600, idleLifetimeSeconds: 3_600 },
      }),
    )
    if (result.kind !== 'issued') return
    const session = result.sid as string
    const lineage: Lineage = { token: result.jti, grant: result.grantId, session, sub, client }
    tokens.push({ lineage, issued: span, text: result.accessToken })
    const refreshTokens = [result.refreshToken as string]
    grants.push({
      lineage: { ...lineage, token: '' },
      issued: span,
      refreshTokens,
      queue: Promise.resolve(),
    })
    if (joined !== undefined && model.isSurelyVoid(joined, span.start)) {
      // The grant being void says nothing about its session, unless that was revoked by its own name or a wider one.
      const { session, sub } = joined.lineage
      const started = {
        lineage: { ...joined.lineage, grant: '', token: '', client: '' },
        issued: joined.issued,
      }
      if (model.isSurelyVoid(started, span.start))
        complaints.push(`joined the void session ${session} of ${sub}`)
    }
  }

  async function rotate(store: Store, grant: Grant, presented: string) {
    const token = await store.locate(presented)
    if (token === undefined) throw new Error('a refresh token of ours is junk')
    const { result, span } = await during(() =>
      store.grants.refresh({
        presented,
        token,
        clientId: grant.lineage.client,
        accessTokenLifetimeSeconds: 3_600,
        idleLifetimeSeconds: 3_600,
      }),
    )
    if (result.kind === 'refreshed') {
      if (model.isSurelyVoid(grant, span.start)) complaints.push('a void grant was refreshed')
      const minted = await store.locate(result.accessToken)
      if (minted === undefined) throw new Error('an access token of ours is junk')
      const lineage = { ...grant.lineage, token: store.idsOf(minted).jti }
      tokens.push({ lineage, issued: span, text: result.accessToken })
    }
    return { result, span }
  }

  /** Runs one after the other for each grant. */
  function inTurn(grant: Grant, work: () => Promise<void>): Promise<void> {
    grant.queue = grant.queue.then(work)
    return grant.queue
  }

  async function refresh(store: Store, grant: Grant, times: 1 | 2): Promise<void> {
    const presented = grant.refreshTokens.at(-1) as string
    const outcomes = await Promise.all(
      Array.from({ length: times }, () => rotate(store, grant, presented)),
    )
    const successors = outcomes.flatMap(({ result }) =>
      result.kind === 'refreshed' ? [result.refreshToken] : [],
    )
    if (new Set(successors).size > 1) complaints.push('one refresh token got two successors')
    if (outcomes.some(({ result }) => result.kind === 'reused'))
      complaints.push('a retry was reuse')
    grant.refreshTokens.push(...successors.slice(0, 1))
  }

  async function reuse(store: Store, grant: Grant): Promise<void> {
    const presented = grant.refreshTokens.at(-3)
    if (presented === undefined) return
    const call = model.begin()
    const takeBack = model.addCut({ grant: grant.lineage.grant }, call)
    const { result } = await rotate(store, grant, presented)
    call.end = model.tick()
    if (result.kind === 'refreshed') complaints.push('a rotated refresh token was accepted')
    if (result.kind !== 'reused') takeBack()
  }

  function targetOf(level: Level, { lineage }: Issued): [RevocationTarget, Partial<Lineage>] {
    const { token, grant, session, sub, client } = lineage
    switch (level) {
      case 'token':
        return [{ level, jti: token }, { token }]
      case 'grant':
        return [{ level, grantId: grant }, { grant }]
      case 'session':
        return [{ level, sid: session }, { session }]
      case 'subject':
        return [{ level, sub }, { sub }]
      case 'subject+client':
        return [
          { level, sub, clientId: client },
          { sub, client },
        ]
      case 'client':
        return [{ level, clientId: client }, { client }]
      case 'all':
        return [{ level }, {}]
    }
  }

  async function revoke(store: Store, step: Step & { do: 'revoke' }): Promise<void> {
    const token = choose(tokens, step.pick)
    if (token === undefined) return
    const moment = step.isBack ? choose(moments, step.pick) : undefined
    const since = step.isSince ? choose(moments, step.pick >> 3) : undefined
    const isSpan = since !== undefined && since.seconds < (moment?.seconds ?? Number.MAX_VALUE)
    const [target, names] = targetOf(step.level, token)
    const call = model.begin()
    model.addCut(names, call, moment?.span, isSpan ? since.span : undefined)
    const outcome = await store.revocations.revoke(target, {
      by,
      issuedBefore: moment?.seconds,
      issuedAfter: isSpan ? since.seconds : undefined,
    })
    // The spans of other runs stand in the way; what became of this one in each partition is unknown for ever.
    if (outcome.kind === 'too-many-spans' && step.level === 'all') return
    call.end = model.tick()
    if (outcome.kind !== 'revoked') complaints.push(`revoking by ${step.level}: ${outcome.kind}`)
  }

  async function suspend(store: Store, sub: string): Promise<void> {
    const call = model.begin()
    model.addCut({ sub }, call)
    await store.subjects.put(sub, by, { status: 'suspended' })
    call.end = model.tick()
  }

  async function disable(store: Store, client: string): Promise<void> {
    const call = model.begin()
    model.addCut({ client }, call)
    await setClient(store, client, false)
    call.end = model.tick()
  }

  async function isActive(reader: Store, text: string): Promise<boolean> {
    return (await reader.tokens.introspect(text, '')).state.kind === 'active'
  }

  async function ask(token: AccessToken, pick: number): Promise<void> {
    const asked = model.tick()
    const mustBeVoid = model.isSurelyVoid(token, asked)
    const active = await isActive(choose(readers, pick) as Store, token.text)
    if (active && mustBeVoid) complaints.push(`active after ${JSON.stringify(token)}`)
    if (!active && model.isSurelySpared(token)) complaints.push(`void: ${JSON.stringify(token)}`)
  }

  async function mark(): Promise<void> {
    const { result, span } = await during(redisTime)
    moments.push({ seconds: result, span })
  }

  async function take(step: Step, store: Store): Promise<void> {
    const pick = 'pick' in step ? step.pick : 0
    const [sub, client] = [choose(subs, pick) as string, choose(clients, pick >> 2) as string]
    const [grant, token] = [choose(grants, pick), choose(tokens, pick)]
    switch (step.do) {
      case 'issue':
        return issue(store, sub, client)
      case 'join':
        return grant && issue(store, grant.lineage.sub, client, grant)
      case 'refresh':
        return grant && inTurn(grant, () => refresh(store, grant, 1))
      case 'refresh twice':
        return grant && inTurn(grant, () => refresh(store, grant, 2))
      case 'reuse':
        return grant && inTurn(grant, () => reuse(store, grant))
      case 'revoke':
        return revoke(store, step)
      case 'suspend':
        return suspend(store, sub)
      case 'reactivate':
        return void (await store.subjects.put(sub, by, { status: 'active' }))
      case 'disable':
        return disable(store, client)
      case 'enable':
        return void (await setClient(store, client, true))
      case 'ask':
        return token && ask(token, pick)
      case 'mark':
        return mark()
    }
  }

  return {
    complaints,
    take,
    /** With nothing under way: all nodes agree on every token, and with the model wherever it is certain. */
    async settle(): Promise<void> {
      for (const token of tokens) {
        const answers = await Promise.all(readers.map((reader) => isActive(reader, token.text)))
        if (new Set(answers).size > 1) complaints.push(`nodes differ on ${JSON.stringify(token)}`)
        for (const [n] of readers.entries()) await ask(token, n)
      }
    },
    /** Everything is allowed again; what was void must stay void, and new tokens work. */
    async reopen(): Promise<void> {
      for (const sub of subs)
        await take({ do: 'reactivate', pick: subs.indexOf(sub) }, issuers[0] as Store)
      for (const client of clients) await setClient(issuers[0] as Store, client, true)
      const before = tokens.length
      for (const sub of subs)
        for (const client of clients) await issue(issuers[0] as Store, sub, client)
      const expected = before + subs.length * clients.length
      if (tokens.length !== expected)
        complaints.push('something is refused although all is allowed')
    },
    issuedTokens: () => tokens.length,
  }
}
