/** One call at a time, for a holder of few roles and one of many: nothing waits, so all of the cost shows. */
import { postForm } from '../../test/fixture/requests.ts'
import { figureOf, ratioOf } from '../figure.ts'
import type { Installation } from '../installation.ts'
import type { Row, Table } from '../measure.ts'
import { type Latency, timeInTurn } from './calls.ts'
import { anyContext, type Holder } from './holders.ts'
import { contextOf, ROLE } from './names.ts'

/** How much to measure. */
export interface AlonePlan {
  /** With one role, with more of them than a page, with the most. */
  readonly holders: readonly [one: Holder, some: Holder, most: Holder]
  readonly rounds: number
  /** Calls of a round, for each holder. */
  readonly calls: number
}

/** Something done for two holders; the call tells whether it came out as it must. */
interface Comparison {
  readonly name: string
  readonly holders: readonly [Holder, Holder]
  readonly call: (holder: Holder, n: number) => Promise<boolean>
}

type ContextRoles = Readonly<Record<string, readonly string[]>>

const PAGE = 100

/** Times each thing that is done with roles. */
export async function timeAlone(
  ours: Installation,
  plan: AlonePlan,
  tell: (text: string) => void,
): Promise<Table> {
  const rows: Row[] = []
  for (const comparison of comparisonsOf(ours, plan)) {
    tell(`one call at a time: ${comparison.name}`)
    rows.push(await compare(plan, comparison))
  }
  return {
    title: 'One call at a time, in turn for a holder of few roles and one of many',
    columns: ['few: p50, µs', 'few: p99, µs', 'many: p50, µs', 'many: p99, µs', 'p50 beside few'],
    rows,
  }
}

async function compare(
  { rounds, calls }: AlonePlan,
  { name, holders, call }: Comparison,
): Promise<Row> {
  const few: Latency[] = []
  const many: Latency[] = []
  for (let round = 0; round <= rounds; round++) {
    const [ofFew, ofMany] = await timeInTurn(calls, holders, async (holder, n) => {
      if (!(await call(holder, round * calls + n))) throw new Error(`${name}: not what it must be`)
    })
    if (round > 0) {
      few.push(ofFew)
      many.push(ofMany)
    }
  }
  const fewP50 = figureOf(few.map(({ p50 }) => p50))
  const manyP50 = figureOf(many.map(({ p50 }) => p50))
  const fewP99 = figureOf(few.map(({ p99 }) => p99))
  const manyP99 = figureOf(many.map(({ p99 }) => p99))
  return { name, cells: [fewP50, fewP99, manyP50, manyP99, ratioOf(manyP50, fewP50)] }
}

function comparisonsOf(
  { store: { tokens, roles, assignments }, introspect, resourceServer }: Installation,
  { holders: [one, some, most] }: AlonePlan,
): readonly Comparison[] {
  const ends = [one, most] as const
  const between = `${count(one)} and ${count(most)} held`

  async function change(op: 'assign' | 'remove', { sub, held }: Holder, n: number) {
    const change = { op, sub, context: contextOf(held + n), role: ROLE }
    const [outcome] = await assignments.apply([change])
    return outcome === (op === 'assign' ? 'assigned' : 'removed')
  }

  async function askToken({ token }: Holder, contexts: 'all' | readonly string[]) {
    const { state } = await tokens.introspect(token, '', contexts)
    return state.kind === 'active' ? state.roles?.context_roles : undefined
  }

  return [
    {
      name: `POST /introspect with one context, ${between}`,
      holders: ends,
      async call(holder) {
        const context = anyContext(holder)
        const url = `http://127.0.0.1:${introspect.ports[0]}/introspect`
        const response = await postForm(url, resourceServer, { token: holder.token, context })
        const { context_roles } = (await response.json()) as { context_roles?: ContextRoles }
        return holdsRole(context_roles, context)
      },
    },
    {
      name: `store: introspect with one context, ${between}`,
      holders: ends,
      async call(holder) {
        const context = anyContext(holder)
        return holdsRole(await askToken(holder, [context]), context)
      },
    },
    {
      name: `store: introspect with none asked for, ${between}`,
      holders: ends,
      call: async (holder) => (await askToken(holder, 'all')) !== undefined,
    },
    {
      name: `store: resolve by name with one context, ${between}`,
      holders: ends,
      async call(holder) {
        const context = anyContext(holder)
        const resolved = await roles.resolve(holder.sub, [context])
        return resolved.kind === 'active' && holdsRole(resolved.roles.context_roles, context)
      },
    },
    {
      name: `store: assign, ${between}`,
      holders: ends,
      call: (holder, n) => change('assign', holder, n),
    },
    {
      name: `store: remove, ${between}`,
      holders: ends,
      call: (holder, n) => change('remove', holder, n),
    },
    {
      name: `store: list a page of ${PAGE}, ${count(some)} and ${count(most)} held`,
      holders: [some, most],
      async call({ sub, held }) {
        const context = anyContext({ held: held - PAGE })
        const page = { size: PAGE, cursor: { context, role: ROLE } }
        const { items } = await assignments.ofSubject(sub, { any: true }, page)
        return items.length === PAGE
      },
    },
  ]
}

function count({ held }: Holder): string {
  return held.toLocaleString('en')
}

function holdsRole(contextRoles: ContextRoles | undefined, context: string): boolean {
  return contextRoles?.[context]?.[0] === ROLE
}
