/** Roles of the simulated month: some end by themselves, some are removed after a while. */
import type { AssignmentChange } from '../../store/roles/assignments.ts'
import type { Store } from '../../store/store.ts'
import type { Random } from '../../test/chaos/random.ts'
import { DAY_HOURS, HOUR } from './lives.ts'
import { anySub, ROLE } from './people.ts'
import type { KeepRecord } from './traffic.ts'

/** The changes of an installation. */
export interface RoleChanges {
  /** Does what is done in an hour. @param nowSeconds by the clock of Redis */
  begin(hour: number, nowSeconds: number): Promise<void>
  /** While an assignment that ends in this hour must still hold. */
  checkMiddle(): Promise<void>
  /** When it may not. */
  checkEnd(): Promise<void>
  /** Removes the assignments that would stand for good. */
  finish(): Promise<void>
}

interface Held {
  readonly sub: string
  readonly context: string
}

const ENDING = 20
const LASTING = 10
const LASTING_HOURS = 6
const CONTEXTS = 500
/** Of an hour: between its middle and its end. */
const END = 0.75

/** Nobody holds anything yet. */
export function createRoleChanges(store: Store, random: Random, record: KeepRecord): RoleChanges {
  const lasting: (readonly Held[])[] = []
  let watched: Held = { sub: '', context: '' }

  function some(count: number): Held[] {
    return Array.from({ length: count }, () => ({
      sub: anySub(random),
      context: `course:${random.int(1, CONTEXTS)}`,
    }))
  }

  async function isHeld({ sub, context }: Held): Promise<boolean> {
    const resolved = await store.roles.resolve(sub, [context])
    if (resolved.kind !== 'active') throw new Error(`${sub} is ${resolved.kind}`)
    return resolved.roles.context_roles[context]?.includes(ROLE) ?? false
  }

  return {
    async begin(hour, nowSeconds) {
      const ending = (held: Held, hours: number): AssignmentChange => ({
        ...change('assign', held),
        expiresAt: Math.round(nowSeconds + (hours + END) * HOUR),
      })
      watched = { sub: anySub(random), context: `room:${hour}` }
      const added = some(LASTING)
      const removed = lasting.length < LASTING_HOURS ? [] : (lasting.shift() as readonly Held[])
      lasting.push(added)
      await store.assignments.apply([
        ending(watched, 0),
        ...some(ENDING).map((held) => ending(held, random.int(0, DAY_HOURS - 1))),
        ...removed.map((held) => change('remove', held)),
        ...added.map((held) => change('assign', held)),
      ])
      await record('role_assignments.apply', 'many')
    },

    async checkMiddle() {
      if (!(await isHeld(watched))) throw new Error(`a role in ${watched.context} ended too early`)
    },

    async checkEnd() {
      if (await isHeld(watched)) throw new Error(`a role in ${watched.context} outlived its end`)
    },

    async finish() {
      await store.assignments.apply(lasting.flat().map((held) => change('remove', held)))
    },
  }
}

function change(op: 'assign' | 'remove', held: Held): AssignmentChange {
  return { op, role: ROLE, ...held }
}
