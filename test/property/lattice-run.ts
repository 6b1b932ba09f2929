/**
 * One run of random steps on the store and on the model side by side. At its end all cutoffs are lost, as by a failover,
 * and what the log tells of them is written again in another order: that must come to the same.
 */
import type { Redis } from 'ioredis'
import { nanoid } from 'nanoid'
import type { LoggedEvent } from '../../store/change-log.ts'
import type { RevocationTarget } from '../../store/revocations/target.ts'
import type { Store } from '../../store/store.ts'
import { type Installation, SELF } from '../fixture/installation.ts'
import {
  BY,
  issuedAtUs,
  locate,
  refresh,
  register,
  revoke,
  stateOf,
  tryIssue,
} from '../redis/actions.ts'
import { type Aim, createLatticeModel, type Holder, type ModelToken } from './lattice-model.ts'

/** A step; numbers choose among what there is at that moment. */
export type Step =
  | {
      readonly do: 'issue'
      readonly sub: number
      readonly client: number
      readonly refresh: boolean
      readonly session: 'none' | 'new' | number
    }
  | { readonly do: 'refresh'; readonly grant: number }
  | { readonly do: 'exchange'; readonly of: number; readonly client: number }
  | {
      readonly do: 'revoke'
      readonly level: RevocationTarget['level']
      readonly of: number
      /** Index of the token whose issue time is the limit; absent means now. */
      readonly before: number | undefined
      /** Index of the token that is spared with all before it; absent means from the beginning. */
      readonly after: number | undefined
    }
  | SubjectStep
  | ClientStep

interface SubjectStep {
  readonly do: 'suspend' | 'reactivate'
  readonly sub: number
}

interface ClientStep {
  readonly do: 'disable' | 'enable'
  readonly client: number
}

interface Issued extends ModelToken {
  readonly accessToken: string
  readonly jti: string
  readonly us: number
}

/** What a forecast counts: a grant, or a token that is one itself. */
type Entry = ModelToken

interface Grant {
  readonly of: Issued
  readonly clientId: string
  refreshToken: string
}

const SUBS = 3
const CLIENTS = 2

/** Does the steps and reports every disagreement. */
export async function runLattice(
  installation: Installation,
  other: Store,
  steps: readonly Step[],
): Promise<string[]> {
  const { store } = installation
  const run = nanoid(8)
  const subs = Array.from({ length: SUBS }, (_, n) => `sub-${n}-${run}`)
  const clients = Array.from({ length: CLIENTS }, (_, n) => `client-${n}-${run}`)
  const model = createLatticeModel()
  const tokens: Issued[] = []
  const grants: Grant[] = []
  const sessions: Issued[] = []
  const entries: Entry[] = []
  const wrong: string[] = []
  let now = 0

  const pick = <Item>(items: readonly Item[], n: number): Item | undefined =>
    items.length === 0 ? undefined : items[n % items.length]
  const expectThat = (step: object, what: string, actual: unknown, expected: unknown) => {
    if (actual !== expected)
      wrong.push(`${JSON.stringify(step)} ${what}: ${actual}, not ${expected}`)
  }
  const setClient = (clientId: string, enabled: boolean) => register(store, clientId, { enabled })
  await Promise.all(clients.map((clientId) => setClient(clientId, true)))

  async function issueStep(step: Extract<Step, { do: 'issue' }>): Promise<void> {
    const [sub, client] = [
      subs[step.sub % SUBS] as string,
      clients[step.client % CLIENTS] as string,
    ]
    const own = sessions.filter((session) => session.sub === sub)
    const joined = typeof step.session === 'number' ? pick(own, step.session) : undefined
    const session = joined !== undefined ? { join: joined.session } : step.session
    const outcome = await tryIssue(store, {
      sub,
      clientId: client,
      refresh: step.refresh,
      session: typeof session === 'number' ? 'none' : session,
    })
    const sessionVoid = joined !== undefined && model.isVoid(toLogin(joined), joined.issuedAt)
    const allowed = model.mayHave(sub, client) && !sessionVoid
    expectThat(step, 'issued', outcome.kind === 'issued', allowed)
    if (outcome.kind !== 'issued') return
    const issued: Issued = {
      sub,
      client,
      session: outcome.sid ?? '',
      grant: outcome.grantId,
      token: outcome.jti,
      jti: outcome.jti,
      accessToken: outcome.accessToken,
      issuedAt: now,
      us: await issuedAtUs(store, outcome.accessToken),
    }
    tokens.push(issued)
    if (session === 'new') sessions.push(issued)
    const { refreshToken } = outcome
    if (refreshToken !== undefined) grants.push({ of: issued, clientId: client, refreshToken })
    entries.push(refreshToken === undefined ? issued : { ...issued, token: '' })
  }

  async function exchangeStep(step: Extract<Step, { do: 'exchange' }>): Promise<void> {
    const origin = pick(tokens, step.of)
    const clientId = clients[step.client % CLIENTS] as string
    if (origin === undefined) return
    const { sub } = origin
    const located = await locate(store, origin.accessToken)
    const session = origin.session === '' ? '' : localId(origin.session)
    const outcome = await store.tokens.exchange({
      origin: located,
      authorization: { sub, clientId, session, scope: '', aud: [SELF], login: {} },
      accessTokenLifetimeSeconds: 3_600,
    })
    const allowed = model.isActive(origin) && model.mayHave(sub, clientId)
    expectThat(step, 'exchanged', outcome.kind === 'issued', allowed)
    if (outcome.kind !== 'issued') return
    const { jti, grantId: grant, accessToken } = outcome
    const us = await issuedAtUs(store, accessToken)
    const { session: sid } = origin
    const issued = { sub, client: clientId, session: sid, grant, token: jti, jti, accessToken, us }
    tokens.push({ ...issued, issuedAt: now, origin })
    entries.push({ ...issued, issuedAt: now, origin })
  }

  const localId = (id: string) => installation.partitions.parsePublicId(id)?.local ?? ''

  async function refreshStep(step: Extract<Step, { do: 'refresh' }>): Promise<void> {
    const grant = pick(grants, step.grant)
    if (grant === undefined) return
    const { of, clientId } = grant
    const outcome = await refresh(store, grant.refreshToken, clientId)
    const holder = { ...of, token: '' }
    const login = sessions.find(({ session }) => session === of.session)
    const sessionVoid = login !== undefined && model.isVoid(toLogin(login), login.issuedAt)
    const allowed =
      model.mayHave(of.sub, of.client) && !model.isVoid(holder, of.issuedAt) && !sessionVoid
    expectThat(step, 'refreshed', outcome.kind === 'refreshed', allowed)
    if (outcome.kind !== 'refreshed') return
    grant.refreshToken = outcome.refreshToken
    const { state } = await store.tokens.introspect(outcome.accessToken, '')
    if (state.kind !== 'active') {
      wrong.push(`${JSON.stringify(step)} the successor is ${state.reason}`)
      return
    }
    tokens.push({
      ...of,
      token: state.jti,
      jti: state.jti,
      accessToken: outcome.accessToken,
      issuedAt: now,
      us: state.record.issuedAtUs,
    })
  }

  async function revokeStep(step: Extract<Step, { do: 'revoke' }>): Promise<void> {
    const of = pick(tokens, step.of)
    const [before, after] = limitsOf(step)
    if (of === undefined) return
    const { sub, client, session, grant, token } = of
    const aims: Record<RevocationTarget['level'], [Aim, RevocationTarget]> = {
      token: [{ token }, { level: 'token', jti: token }],
      grant: [{ grant }, { level: 'grant', grantId: grant }],
      session: [{ session }, { level: 'session', sid: session }],
      subject: [{ sub }, { level: 'subject', sub }],
      'subject+client': [
        { sub, client },
        { level: 'subject+client', sub, clientId: client },
      ],
      client: [{ client }, { level: 'client', clientId: client }],
      all: [{}, { level: 'all' }],
    }
    if (step.level === 'session' && session === '') return
    const [aim, target] = aims[step.level]
    const span = {
      ...(before === undefined ? {} : { issuedBefore: before.us / 1e6 }),
      ...(after === undefined ? {} : { issuedAfter: after.us / 1e6 }),
    }
    const told = await store.revocations.forecast(target, span)
    const live = countedAt(step.level, of).filter((entry) => !model.isDead(entry))
    const outcome = await revoke(store, target, span)
    expectThat(step, 'revoked', outcome.kind, 'revoked')
    model.cut(aim, before === undefined ? now : before.issuedAt - 0.5, after?.issuedAt)
    // Everything holds what other runs have left.
    if (step.level === 'all') return
    const voided = live.filter((entry) => model.isDead(entry)).length
    expectThat(step, 'forecast', told.kind === 'forecast' && told.affected, voided)
    if (step.level === 'client') return
    expectThat(step, 'affected', outcome.kind === 'revoked' && outcome.affected, voided)
  }

  /** The limits in their order; none after where they are the same. */
  function limitsOf({ before, after }: Extract<Step, { do: 'revoke' }>) {
    const limits = [before, after].map((n) => (n === undefined ? undefined : pick(tokens, n)))
    const [one, other] = limits
    if (one === undefined || other === undefined || one.issuedAt > other.issuedAt) return limits
    return one === other ? [one, undefined] : [other, one]
  }

  /** What is counted: by name alone at the two narrowest levels, else whatever is listed. */
  function countedAt(level: RevocationTarget['level'], of: Issued): readonly Entry[] {
    if (level === 'token') return [of]
    if (level === 'grant') return entries.filter(({ grant }) => grant === of.grant)
    return entries
  }

  async function subjectStep(step: SubjectStep): Promise<void> {
    const sub = subs[step.sub % SUBS] as string
    const suspended = step.do === 'suspend'
    await store.subjects.put(sub, BY, { status: suspended ? 'suspended' : 'active' })
    model.setSuspended(sub, suspended)
    if (suspended) model.cut({ sub }, now)
  }

  async function clientStep(step: ClientStep): Promise<void> {
    const client = clients[step.client % CLIENTS] as string
    const enabled = step.do === 'enable'
    await setClient(client, enabled)
    model.setEnabled(client, enabled)
    if (!enabled) model.cut({ client }, now)
  }

  for (const step of steps) {
    now++
    if (step.do === 'issue') await issueStep(step)
    else if (step.do === 'refresh') await refreshStep(step)
    else if (step.do === 'exchange') await exchangeStep(step)
    else if (step.do === 'revoke') await revokeStep(step)
    else if ('sub' in step) await subjectStep(step)
    else await clientStep(step)
    await compare(step)
  }

  async function compare(step: object): Promise<void> {
    await Promise.all(
      tokens.flatMap((token, n) =>
        [store, other].map(async (node) => {
          const active = (await stateOf(node, token.accessToken)) === 'active'
          expectThat(step, `token ${n} active`, active, model.isActive(token))
        }),
      ),
    )
  }

  await loseCutoffs(installation)
  await compare({ do: 'restore' })
  return wrong
}

/** Every revocation twice, the first of all last, the second time in their order. */
async function loseCutoffs({ store, redis, partitions, keys }: Installation): Promise<void> {
  for (let partition = 0; partition < partitions.count; partition++) {
    const { epoch } = await store.log.read(partition, '', 0)
    const { events, seq } = await readAll(store, partition, epoch)
    const lost = await (redis as Redis).keys(`${keys.partition(partition).base}x*`)
    if (lost.length > 0) await redis.del(...lost)
    const told = events.filter(({ revocation }) => revocation !== undefined)
    for (const { event, revocation } of [...told.toReversed(), ...told]) {
      if (revocation !== undefined) await store.restore(partition, event, revocation)
    }
    const after = await readAll(store, partition, epoch, seq)
    const again = after.events.length
    for (const { event, revocation } of told) {
      if (revocation !== undefined) await store.restore(partition, event, revocation)
    }
    const { events: more } = await readAll(store, partition, epoch, seq)
    if (more.length !== again) throw new Error('a replay that changes nothing was told of')
    // What is told again tells of the same: the next run starts from an empty log.
    await redis.del(keys.partition(partition).log)
  }
}

async function readAll(store: Store, partition: number, epoch: string, from = 0) {
  const events: LoggedEvent[] = []
  let page = await store.log.read(partition, epoch, Math.max(from, await floorOf(store, partition)))
  events.push(...page.events)
  while (page.events.length > 0) {
    page = await store.log.read(partition, epoch, page.events.at(-1)?.seq ?? 0)
    events.push(...page.events)
  }
  return { events, seq: page.seq }
}

async function floorOf(store: Store, partition: number): Promise<number> {
  return (await store.log.read(partition, '', 0)).floor
}

/** A login by itself: it belongs to no client, and what a client may no longer use leaves it as it is. */
function toLogin({ sub, session }: Holder): Holder {
  return { sub, session, client: '', grant: '', token: '' }
}
