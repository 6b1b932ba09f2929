/** One run of random steps on the store and on the model side by side. */
import { nanoid } from 'nanoid'
import type { RevocationTarget } from '../../store/revocation-target.ts'
import type { Store } from '../../store/store.ts'
import { BY, issuedAtUs, refresh, register, revoke, stateOf, tryIssue } from '../redis/actions.ts'
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
  | {
      readonly do: 'revoke'
      readonly level: RevocationTarget['level']
      readonly of: number
      /** Index of the token whose issue time is the limit; absent means now. */
      readonly before: number | undefined
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

interface Grant {
  readonly of: Issued
  readonly clientId: string
  refreshToken: string
}

const SUBS = 3
const CLIENTS = 2

/** Does the steps and reports every disagreement. */
export async function runLattice(
  stores: readonly [Store, Store],
  steps: readonly Step[],
): Promise<string[]> {
  const [store, other] = stores
  const run = nanoid(8)
  const subs = Array.from({ length: SUBS }, (_, n) => `sub-${n}-${run}`)
  const clients = Array.from({ length: CLIENTS }, (_, n) => `client-${n}-${run}`)
  const model = createLatticeModel()
  const tokens: Issued[] = []
  const grants: Grant[] = []
  const sessions: Issued[] = []
  const wrong: string[] = []
  let now = 0

  const pick = <Item>(items: readonly Item[], n: number): Item | undefined =>
    items.length === 0 ? undefined : items[n % items.length]
  const expectThat = (step: Step, what: string, actual: unknown, expected: unknown) => {
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
  }

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
    const before = step.before === undefined ? undefined : pick(tokens, step.before)
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
    const outcome = await revoke(store, target, before === undefined ? undefined : before.us / 1e6)
    expectThat(step, 'revoked', outcome.kind, 'revoked')
    model.cut(aim, before === undefined ? now : before.issuedAt - 0.5)
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
    else if (step.do === 'revoke') await revokeStep(step)
    else if ('sub' in step) await subjectStep(step)
    else await clientStep(step)
    await Promise.all(
      tokens.flatMap((token, n) =>
        [store, other].map(async (node) => {
          const active = (await stateOf(node, token.accessToken)) === 'active'
          expectThat(step, `token ${n} active`, active, model.isActive(token))
        }),
      ),
    )
  }
  return wrong
}

/** A login by itself: it belongs to no client, and what a client may no longer use leaves it as it is. */
function toLogin({ sub, session }: Holder): Holder {
  return { sub, session, client: '', grant: '', token: '' }
}
