/** One run of random steps on the store and on the model side by side, from several processes in turn. */
import { isDeepStrictEqual } from 'node:util'
import type { FreshnessStamp } from '../../client/src/wire/index.ts'
import type {
  AssignmentChange,
  AssignmentCursor,
  AssignmentPage,
  ContextFilter,
  Holder,
} from '../../store/roles/assignments.ts'
import type { ContextQuestion, RoleDefinitions, View } from '../../store/roles/resolve.ts'
import type { Store } from '../../store/store.ts'
import type { Installation } from '../fixture/installation.ts'
import { BY, issue, locate, moveClock, register, revoke } from '../redis/actions.ts'
import { createRolesModel, type KeptAssignment } from './roles-model.ts'
import { orderDisagreements } from './roles-orders.ts'

/** Names that are beginnings of each other, next to each other in byte order, or look like what follows them. */
export const SUBS = ['al', 'al 1', 'ål'] as const
export const ROLES = ['ta', 'ta.x', 'tas', 'teacher', 'student'] as const
export const CONTEXTS = [
  '*',
  'course:1',
  'course:1!',
  'course:12',
  'courses:1',
  'school:1',
] as const
const PERMISSIONS = ['read', 'write', 'grade', 'see'] as const

/** One change, by numbers of names; `ends` in seconds from now. */
interface ChangeStep {
  readonly op: 'assign' | 'remove'
  readonly sub: number
  readonly context: number
  readonly role: number
  readonly ends: number | undefined
}

/** What to look at after a step. */
interface Look {
  readonly asked: 'none' | 'all' | readonly number[]
  readonly filter: 'any' | { readonly context: number } | { readonly type: 'course' | 'courses' }
  readonly context: number
  readonly role: number | undefined
  readonly size: number
}

/** A step; numbers choose among what there is at that moment. */
export type Step = { readonly look: Look } & (
  | { readonly do: 'change'; readonly changes: readonly ChangeStep[] }
  | {
      readonly do: 'fill'
      readonly op: 'assign' | 'remove'
      readonly sub: number
      readonly contexts: number
      readonly ends: number | undefined
    }
  | { readonly do: 'advance'; readonly by: number }
  | {
      readonly do: 'schema'
      /** By role: absent, or numbers of permissions and of roles that may be assumed. */
      readonly roles: readonly (
        | undefined
        | { readonly permissions: readonly number[]; readonly assumable: readonly number[] }
      )[]
      readonly expect: 'any' | 'right' | 'wrong'
    }
  | { readonly do: 'issue'; readonly sub: number }
  | {
      readonly do: 'exchange'
      readonly token: number
      readonly contexts: readonly number[]
      readonly assume: number | undefined
      readonly lifetime: number
    }
  | { readonly do: 'revoke'; readonly token: number }
  | { readonly do: 'suspend' | 'reactivate'; readonly sub: number }
)

interface RunToken {
  readonly sub: string
  readonly accessToken: string
  readonly jti: string
  readonly expiresAt: number
  readonly view: View | undefined
  readonly origin: RunToken | undefined
  isCut: boolean
}

const DAY_S = 86_400
const FILLED = 'lesson'
const FILL_ROLE = 'ta'
const CLIENT = 'app'
/** Roles before the first step. */
const FIRST_SCHEMA: RoleDefinitions = {
  ta: { permissions: ['read'], assumable: [] },
  'ta.x': { permissions: ['read', 'see'], assumable: [] },
  teacher: { permissions: ['grade', 'read'], assumable: ['student', 'ta'] },
  student: { permissions: ['read'], assumable: [] },
}

/** Does the steps and reports every disagreement. Empties Redis first. */
export async function runRoles(
  installation: Installation,
  stores: readonly Store[],
  steps: readonly Step[],
): Promise<string[]> {
  await installation.node.flushall()
  const run = await beginRun(installation, stores)
  for (const step of steps) await run.take(step)
  return [...run.wrong, ...(await orderDisagreements(installation))]
}

async function beginRun(installation: Installation, stores: readonly Store[]) {
  // A day ahead, so that the time of a run is the one of its steps and not of the machine.
  const model = createRolesModel(Math.floor(Date.now() / 1_000) + DAY_S)
  const tokens: RunToken[] = []
  const suspended = new Set<string>()
  const wrong: string[] = []
  let turn = 0
  let doing: Step | undefined
  const any = (): Store => stores[turn++ % stores.length] as Store
  const pick = <Item>(items: readonly Item[], n: number): Item => items[n % items.length] as Item
  const contextOf = (n: number): string => pick(CONTEXTS, n)

  function expectSame(what: string, actual: unknown, expected: unknown): void {
    if (isDeepStrictEqual(actual, expected)) return
    const [is, not] = [JSON.stringify(actual), JSON.stringify(expected)]
    wrong.push(`${JSON.stringify(doing)} ${what}: ${is}, not ${not}`)
  }

  function toChange({ op, sub, context, role, ends }: ChangeStep): AssignmentChange {
    const expiresAt = ends === undefined ? {} : { expiresAt: model.now + ends }
    const names = { sub: pick(SUBS, sub), context: contextOf(context), role: pick(ROLES, role) }
    return { op, ...names, ...expiresAt }
  }

  async function apply(changes: readonly AssignmentChange[]): Promise<void> {
    // The store applies changes of one subject in their order; subjects do not meet.
    const expected = changes.map((change) => model.apply(change))
    expectSame('outcomes', await any().assignments.apply(changes), expected)
  }

  const setClocks = () => {
    const { partitions } = installation
    const all = Array.from({ length: partitions.count }, (_, partition) => partition)
    return Promise.all(all.map((partition) => moveClock(installation, partition, model.now * 1e6)))
  }

  async function putSchema(step: Extract<Step, { do: 'schema' }>): Promise<void> {
    const roles = Object.fromEntries(
      step.roles.flatMap((definition, n) => {
        if (definition === undefined) return []
        const permissions = [
          ...new Set(definition.permissions.map((word) => pick(PERMISSIONS, word))),
        ]
        const assumable = [...new Set(definition.assumable.map((role) => pick(ROLES, role)))]
        return [[pick(ROLES, n), { permissions, assumable }]]
      }),
    )
    const told = await any().roleSchemas.forecast(roles)
    expectSame('version', told.version, model.version)
    const names = (list: readonly { readonly role: string }[]) => list.map(({ role }) => role)
    const { added, removed, changed } = told.forecast
    const [before, after] = [Object.keys(model.schema), Object.keys(roles)]
    expectSame('added', names(added), after.filter((role) => !before.includes(role)).sort())
    expectSame('removed', names(removed), before.filter((role) => !after.includes(role)).sort())
    const differs = (role: string) => !isDeepStrictEqual(model.schema[role], roles[role])
    const both = after.filter((role) => before.includes(role) && differs(role)).sort()
    expectSame('changed', names(changed), both)
    for (const { role, assignments } of [...added, ...removed, ...changed]) {
      const [least, most] = model.countOf(role)
      const fits = least <= assignments && assignments <= most
      if (!fits) expectSame(`count of ${role}`, assignments, [least, most])
    }
    const expected = { any: undefined, right: model.version, wrong: model.version + 1 }[step.expect]
    const outcome = await any().roleSchemas.put(roles, expected)
    if (step.expect === 'wrong') {
      expectSame('put', outcome, { kind: 'conflict', version: model.version })
      return
    }
    model.putSchema(roles)
    const forecast = outcome.kind === 'stored' ? outcome.forecast : undefined
    expectSame('put', outcome, { kind: 'stored', version: model.version, forecast })
    expectSame('forecast of the put', forecast, told.forecast)
    expectSame('schema', await any().roleSchemas.get(), { version: model.version, roles })
  }

  async function issueTo(sub: string): Promise<void> {
    if (suspended.has(sub)) return
    const options = { sub, clientId: CLIENT, lifetime: DAY_S }
    const { accessToken, jti, expiresAt } = await issue(any(), options)
    tokens.push({
      ...{ sub, accessToken, jti, expiresAt },
      ...{ view: undefined, origin: undefined, isCut: false },
    })
  }

  const isAlive = (token: RunToken): boolean =>
    !token.isCut &&
    !suspended.has(token.sub) &&
    model.now < token.expiresAt &&
    (token.origin === undefined || isAlive(token.origin))

  async function exchange(step: Extract<Step, { do: 'exchange' }>): Promise<void> {
    if (tokens.length === 0) return
    const origin = pick(tokens, step.token)
    const { sub } = origin
    const chosen = [...new Set(step.contexts.map(contextOf))].filter((context) => context !== '*')
    const within = origin.view?.contexts ?? chosen
    const contexts = within.filter((context) => chosen.includes(context))
    const more = step.assume === undefined ? [] : [pick(ROLES, step.assume)]
    const assumed = [...(origin.view?.assumed ?? []), ...more]
    const view = contexts.length === 0 ? origin.view : { contexts, assumed }
    const outcome = await any().tokens.exchange({
      origin: await locate(any(), origin.accessToken),
      authorization: { sub, clientId: CLIENT, session: '', scope: 'read', aud: ['u'], login: {} },
      accessTokenLifetimeSeconds: step.lifetime,
      ...(view === undefined ? {} : { view }),
    })
    expectSame('exchanged', outcome.kind === 'issued', isAlive(origin))
    if (outcome.kind !== 'issued') return
    const { accessToken, jti, expiresAt } = outcome
    expectSame('end', expiresAt, Math.min(origin.expiresAt, model.now + step.lifetime))
    tokens.push({ sub, accessToken, jti, expiresAt, view, origin, isCut: false })
  }

  async function act(step: Step): Promise<void> {
    switch (step.do) {
      case 'change':
        return apply(step.changes.map(toChange))
      case 'fill': {
        const expiresAt = step.ends === undefined ? {} : { expiresAt: model.now + step.ends }
        const sub = pick(SUBS, step.sub)
        const of = { op: step.op, sub, role: FILL_ROLE, ...expiresAt }
        const numbers = Array.from({ length: step.contexts }, (_, n) => n)
        return apply(numbers.map((n) => ({ ...of, context: `${FILLED}:${n}` })))
      }
      case 'advance':
        model.advance(step.by)
        await setClocks()
        return
      case 'schema':
        return putSchema(step)
      case 'issue':
        return issueTo(pick(SUBS, step.sub))
      case 'exchange':
        return exchange(step)
      case 'revoke': {
        const token = tokens.length === 0 ? undefined : pick(tokens, step.token)
        if (token === undefined) return
        await revoke(any(), { level: 'token', jti: token.jti })
        token.isCut = true
        return
      }
      default: {
        const sub = pick(SUBS, step.sub)
        const status = step.do === 'suspend' ? 'suspended' : 'active'
        await any().subjects.put(sub, BY, { status })
        if (step.do === 'reactivate') return void suspended.delete(sub)
        suspended.add(sub)
        for (const token of tokens) if (token.sub === sub) token.isCut = true
      }
    }
  }

  const toQuestion = (asked: Look['asked']): 'none' | ContextQuestion => {
    if (typeof asked === 'string') return asked
    // Numbers beyond the names ask for many of the filled contexts.
    const names = asked.map((n) => (n < CONTEXTS.length ? contextOf(n) : `${FILLED}:${n}`))
    return [...new Set(names)].filter((context) => context !== '*')
  }

  async function lookAtToken(token: RunToken, n: number, look: Look): Promise<void> {
    const question = toQuestion(look.asked)
    const { state } = await any().tokens.introspect(token.accessToken, '', question)
    expectSame(`token ${n} active`, state.kind === 'active', isAlive(token))
    if (state.kind !== 'active') return
    const origins: string[] = []
    for (let at = token.origin; at !== undefined; at = at.origin) origins.push(at.jti)
    const told = state.exchangedFrom.map(({ jti }) => jti)
    expectSame(`origins of token ${n}`, told, origins)
    if (question === 'none' || state.roles === undefined) {
      expectSame(`roles of token ${n}`, state.roles, undefined)
      expectSame(`question of token ${n}`, question, 'none')
      return
    }
    const wrongFacts = model.wrongIn(state.roles, token.sub, question, token.view)
    expectSame(`roles of token ${n}`, wrongFacts, undefined)
    const left = model.leftOf(state.roles, token.sub, question, token.view)
    expectSame(`end of the roles of token ${n}`, secondsLeft(state.stamp), left)
  }

  async function lookAtSubject(sub: string, look: Look): Promise<void> {
    const question = toQuestion(look.asked)
    const contexts = typeof question === 'string' ? ['course:1'] : question
    const resolved = await any().roles.resolve(sub, contexts)
    const expected = suspended.has(sub) ? 'suspended' : 'active'
    expectSame(`${sub} resolves`, resolved.kind, expected)
    if (resolved.kind === 'active') {
      expectSame(`roles of ${sub}`, model.wrongIn(resolved.roles, sub, contexts), undefined)
      const left = model.leftOf(resolved.roles, sub, contexts)
      expectSame(`end of the roles of ${sub}`, secondsLeft(resolved.stamp), left)
    }
    const filter = toFilter(look.filter)
    const listed = await pagesOf((cursor?: AssignmentCursor) =>
      any().assignments.ofSubject(sub, filter, { size: look.size, cursor }),
    )
    const listing = model.ofSubject(sub, filter).map(({ sub: _, ...one }) => toListed(one))
    expectSame(`list of ${sub}`, listed, listing)
  }

  function toFilter(filter: Look['filter']): ContextFilter {
    if (filter === 'any') return { any: true }
    if ('type' in filter) return { contextType: filter.type }
    return { context: contextOf(filter.context) }
  }

  function toListed<One extends Omit<KeptAssignment, 'sub'>>({ expiresAt, ...names }: One) {
    const isDormant = model.isDormant({ sub: '', expiresAt, ...names })
    return { ...names, ...(expiresAt === undefined ? {} : { expiresAt }), isDormant }
  }

  async function lookAtContext({ context, role, size }: Look): Promise<void> {
    const name = contextOf(context)
    const only = role === undefined ? undefined : pick(ROLES, role)
    const page = (cursor: { role: string; sub: string } | undefined) =>
      any().assignments.inContext(name, { role: only, size, cursor })
    const listed: readonly Holder[] = await pagesOf(page)
    const expected = model.inContext(name, only).map((one) => toListed(one))
    expectSame(`holders in ${name}`, listed, expected)
  }

  model.putSchema(FIRST_SCHEMA)
  await setClocks()
  await register(any(), CLIENT)
  await any().roleSchemas.put(FIRST_SCHEMA)
  for (const sub of SUBS) await issueTo(sub)

  return {
    wrong,
    async take(step: Step): Promise<void> {
      doing = step
      await act(step)
      await Promise.all([
        ...tokens.map((token, n) => lookAtToken(token, n, step.look)),
        ...SUBS.map((sub) => lookAtSubject(sub, step.look)),
        lookAtContext(step.look),
      ])
    },
  }
}

/**
 * What is left of an answer. Clocks stand still but for the microsecond that each change takes, so the second that has
 * begun is whole.
 */
export function secondsLeft({ leftMs }: FreshnessStamp): number | undefined {
  return leftMs === undefined ? undefined : Math.ceil(leftMs / 1_000)
}

/** All items, page by page. */
export async function pagesOf<Item, Cursor>(
  read: (cursor: Cursor | undefined) => Promise<AssignmentPage<Item, Cursor>>,
): Promise<Item[]> {
  const items: Item[] = []
  let page = await read(undefined)
  for (;;) {
    items.push(...page.items)
    if (page.next === undefined) return items
    page = await read(page.next)
  }
}
