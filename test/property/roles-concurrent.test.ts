/**
 * Many writers at once, on the same subject, from several processes: one order explains every outcome and the final state, all
 * indexes of the assignments agree, each change that changed something has its event, and a reader neither misses nor repeats
 * an assignment that no writer touches.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type {
  AssignmentChange,
  AssignmentCursor,
  HolderCursor,
} from '../../store/roles/assignments.ts'
import type { RoleDefinitions, View } from '../../store/roles/resolve.ts'
import type { Store } from '../../store/store.ts'
import { type OwnInstallation, startInstallation } from '../fixture/installation.ts'
import { issue, locate, moveClock, newSub, readLog, register, seqOf } from '../redis/actions.ts'
import { type Holding, isExplained, type ToldChange } from './roles-order-search.ts'
import { orderDisagreements } from './roles-orders.ts'
import { pagesOf, secondsLeft } from './roles-run.ts'

const RUNS = 80
const SCHEMA_RUNS = 25
const DAY_S = 86_400
const ROLE = { permissions: [], assumable: [] }
const SCHEMA: RoleDefinitions = {
  ta: { permissions: [], assumable: ['tas'] },
  tas: ROLE,
  stable: ROLE,
}
/** Views a course in the assumed role `tas`. */
const VIEW: View = { contexts: ['course:1'], assumed: ['tas'] }
const CONTEXTS = ['*', 'course:1', 'course:12'] as const
const ROLES = ['ta', 'tas'] as const
/** No writer changes these; they sort before, between and after what is changed. */
const STABLE = ['course:1', 'course:11', 'course:2', 'a:1'] as const

const change = fc.record({
  op: fc.constantFrom('assign' as const, 'assign' as const, 'remove' as const),
  context: fc.constantFrom(...CONTEXTS),
  role: fc.constantFrom(...ROLES),
  ends: fc.constantFrom(undefined, 100, 200),
})
const call = fc.array(change, { minLength: 1, maxLength: 3 })
const writer = fc.array(call, { minLength: 1, maxLength: 5 })
const writers = fc.array(writer, { minLength: 2, maxLength: 4 })

type Calls = readonly (readonly {
  readonly op: 'assign' | 'remove'
  readonly context: string
  readonly role: string
  readonly ends: number | undefined
}[])[]

const nameOf = ({ context, role }: { readonly context: string; readonly role: string }) =>
  `${context} ${role}`

describe('writers of roles at once', () => {
  let installation: OwnInstallation
  let stores: readonly Store[]
  let clientId: string
  let run = 0

  beforeAll(async () => {
    installation = await startInstallation({ partitions: 4 })
    const { store, open } = installation
    stores = [store, await open(), await open({ mints: false })]
  })

  beforeEach(async () => {
    await installation.server.direct.flushall()
    clientId = await register(installation.store)
    await installation.store.roleSchemas.put(SCHEMA)
  })

  afterAll(() => installation.close())

  /** What is there before: some that stays, and one that has ended and is still stored. */
  async function prepare(sub: string, nowS: number): Promise<void> {
    const [store] = stores as [Store]
    const { partitions } = installation
    await moveClock(installation, partitions.of(sub), nowS * 1e6)
    const stays = STABLE.map((context) => ({ context, role: 'stable' }))
    const ends = { context: 'course:1', role: 'ta', expiresAt: nowS + 1 }
    const changes = [...stays, ends].map((one) => ({ op: 'assign' as const, sub, ...one }))
    await store.assignments.apply(changes)
    await moveClock(installation, partitions.of(sub), (nowS + 2) * 1e6)
  }

  async function write(
    store: Store,
    sub: string,
    calls: Calls,
    nowS: number,
    count: () => number,
  ): Promise<ToldChange[][]> {
    const told: ToldChange[][] = []
    for (const drafts of calls) {
      const changes: AssignmentChange[] = drafts.map(({ ends, ...draft }) => ({
        ...draft,
        sub,
        ...(ends === undefined ? {} : { expiresAt: nowS + ends }),
      }))
      const beganAt = count()
      const outcomes = await store.assignments.apply(changes)
      const endedAt = count()
      told.push(
        changes.map((of, n) => ({
          change: of,
          outcome: outcomes[n] as ToldChange['outcome'],
          beganAt,
          endedAt,
        })),
      )
    }
    return told
  }

  /** Lists until told to stop; says what was missed or doubled. */
  async function watch(store: Store, sub: string, size: number, isOver: () => boolean) {
    const wrong: string[] = []
    const check = (what: string, listed: readonly string[], stable: readonly string[]) => {
      for (const one of stable) {
        const times = listed.filter((other) => other === one).length
        if (times !== 1) wrong.push(`${what} has ${one} ${times} times`)
      }
      if (new Set(listed).size !== listed.length) wrong.push(`${what} doubles ${listed}`)
    }
    do {
      const own = await pagesOf((cursor?: AssignmentCursor) =>
        store.assignments.ofSubject(sub, { any: true }, { size, cursor }),
      )
      const stable = STABLE.map((context) => `${context} stable`)
      check('the list of the subject', own.map(nameOf), stable)
      const held = await pagesOf((cursor?: HolderCursor) =>
        store.assignments.inContext('course:1', { size, cursor }),
      )
      const mine = held.filter((one) => one.sub === sub)
      check('the list of the context', mine.map(nameOf), ['course:1 stable'])
    } while (!isOver())
    return wrong
  }

  /** A token of the same subject that views a course in an assumed role. */
  async function viewOf(sub: string, accessToken: string): Promise<string> {
    const { store } = installation
    const outcome = await store.tokens.exchange({
      origin: await locate(store, accessToken),
      authorization: { sub, clientId, session: '', scope: 'read', aud: ['u'], login: {} },
      accessTokenLifetimeSeconds: DAY_S,
      view: VIEW,
    })
    if (outcome.kind !== 'issued') throw new Error(`the exchange came to ${outcome.kind}`)
    return outcome.accessToken
  }

  /** Introspects until told to stop; says where one position had two answers. */
  async function ask(
    store: Store,
    token: string,
    answers: Map<number, string>,
    isOver: () => boolean,
  ) {
    const wrong: string[] = []
    do {
      const { state } = await store.tokens.introspect(token, '', 'all')
      if (state.kind !== 'active') return ['the token is not active']
      const answer = JSON.stringify([state.roles, secondsLeft(state.stamp)])
      const known = answers.get(state.stamp.seq)
      if (known !== undefined && known !== answer) {
        wrong.push(`${state.stamp.seq}: ${known}, ${answer}`)
      }
      answers.set(state.stamp.seq, answer)
    } while (!isOver())
    return wrong
  }

  it('are explained by one order', async () => {
    const property = fc.asyncProperty(
      writers,
      fc.integer({ min: 1, max: 4 }),
      async (all, size) => {
        const sub = newSub()
        const partition = installation.partitions.of(sub)
        // Later than any run before, so that no partition's clock has to go back.
        const nowS = Math.floor(Date.now() / 1_000) + ++run * DAY_S
        await prepare(sub, nowS)
        const token = await issue(installation.store, { sub, clientId, lifetime: DAY_S })
        const seqBefore = await seqOf(installation, partition)

        let counter = 0
        let isOver = false
        const view = await viewOf(sub, token.accessToken)
        const [answers, views] = [new Map<number, string>(), new Map<number, string>()]
        const reading = stores.flatMap((store) => [
          watch(store, sub, size, () => isOver),
          ask(store, token.accessToken, answers, () => isOver),
          ask(store, view, views, () => isOver),
        ])
        const told = await Promise.all(
          all.map((calls, n) =>
            write(stores[n % stores.length] as Store, sub, calls, nowS, () => counter++),
          ),
        )
        isOver = true
        expect((await Promise.all(reading)).flat()).toEqual([])

        const held = await pagesOf((cursor?: AssignmentCursor) =>
          installation.store.assignments.ofSubject(sub, { any: true }, { size, cursor }),
        )
        const holdings = new Map<string, Holding>(
          held.map((one) => [nameOf(one), one.expiresAt ?? 'for good']),
        )
        for (const context of CONTEXTS) {
          for (const role of ROLES) {
            const name = nameOf({ context, role })
            const own = told.map((calls) => calls.flat().filter((of) => nameOf(of.change) === name))
            const isFine = isExplained(own, undefined, holdings.get(name))
            expect(isFine, `${name} ${JSON.stringify(own)} ${holdings.get(name)}`).toBe(true)
          }
        }
        expect(await orderDisagreements(installation)).toEqual([])
        const { state } = await installation.store.tokens.introspect(view, '', 'all')
        const seen = state.kind === 'active' ? state.roles?.context_roles : state.reason
        const mayAssume = ['* ta', 'course:1 ta'].some((name) => holdings.has(name))
        expect(seen).toEqual({ 'course:1': mayAssume ? ['tas'] : [] })

        const expected = told.flat().flatMap((changes) => {
          const effective = changes.filter(({ outcome }) => outcome !== 'unchanged')
          const contexts = [...new Set(effective.map((of) => of.change.context))].sort()
          return contexts.length === 0 ? [] : [JSON.stringify({ sub, contexts })]
        })
        const entries = await readLog(installation, partition)
        const events = entries
          .filter(({ id }) => Number.parseInt(id, 10) > seqBefore)
          .map(({ event }) => event as { type: string; sub: string; contexts: string[] })
          .map(({ sub: of, contexts }) => JSON.stringify({ sub: of, contexts: contexts.sort() }))
        expect(events.sort()).toEqual(expected.sort())
      },
    )
    await fc.assert(property, { numRuns: RUNS })
  })

  it('of the schema leave the same one everywhere, which judges all that is assigned after it', async () => {
    const names = ['ta', 'tas', 'stable'] as const
    const schema = fc.subarray([...names])
    const puts = fc.array(fc.array(schema, { minLength: 1, maxLength: 3 }), {
      minLength: 2,
      maxLength: 4,
    })
    const { partitions, keys, redis } = installation
    const all = Array.from({ length: partitions.count }, (_, partition) => partition)
    const property = fc.asyncProperty(puts, async (perWriter) => {
      const before = (await installation.store.roleSchemas.get()).version
      const subs = Array.from({ length: 12 }, newSub)
      let isOver = false
      const assigning = subs.map(async (sub, n) => {
        const store = stores[n % stores.length] as Store
        do {
          for (const op of ['assign', 'remove'] as const) {
            await store.assignments.apply([{ op, sub, context: 'course:1', role: 'ta' }])
          }
        } while (!isOver)
      })
      const stored = await Promise.all(
        perWriter.map(async (schemas, n) => {
          const done: [number, string][] = []
          for (const roles of schemas) {
            const definitions = Object.fromEntries(roles.map((role) => [role, ROLE]))
            const outcome = await (stores[n % stores.length] as Store).roleSchemas.put(definitions)
            if (outcome.kind !== 'stored') throw new Error('nothing was expected')
            done.push([outcome.version, JSON.stringify(definitions)])
          }
          return done
        }),
      )
      isOver = true
      await Promise.all(assigning)

      const byVersion = stored.flat().sort(([one], [other]) => one - other)
      const versions = byVersion.map(([version]) => version)
      expect(versions).toEqual(versions.map((_, n) => before + 1 + n))
      const last = byVersion.at(-1) as [number, string]
      for (const partition of all) {
        const { id, json, ...roles } = await redis.hgetall(keys.partition(partition).schema)
        expect([Number.parseInt(id as string, 10), json], `partition ${partition}`).toEqual(last)
        const known = Object.keys(JSON.parse(last[1]) as object)
        expect(Object.keys(roles).sort()).toEqual(known.map((role) => `r:${role}`).sort())
      }
      const [store] = stores as [Store]
      const judged = await store.assignments.apply(
        subs.map((sub) => ({ op: 'assign', sub, context: '*', role: 'ta' })),
      )
      const word = Object.hasOwn(JSON.parse(last[1]) as object, 'ta') ? 'assigned' : 'unknown-role'
      expect(judged).toEqual(subs.map(() => word))
      expect(await orderDisagreements(installation)).toEqual([])
    })
    await fc.assert(property, { numRuns: SCHEMA_RUNS })
  })
})
