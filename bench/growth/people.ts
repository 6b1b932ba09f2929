/** Who takes part in the simulated month: the same clients and subjects all along. */
import type { Store } from '../../store/store.ts'
import type { Random } from '../../test/chaos/random.ts'
import { BY, register } from '../../test/redis/actions.ts'

/** Whom most tokens are issued to. */
export const APPLICATION = 'web-app'
/** Revoked as a client once a day. */
export const KIOSK = 'kiosk'
/** The role of all assignments. */
export const ROLE = 'teacher'
/** Subjects with claims; they come again and again. */
export const SUBJECTS = 300
/** Subjects that are revoked in turn, one an hour: their cutoffs stand for a year, but only one each. */
const REVOKED_IN_TURN = 24

const subOf = (n: number): string => `user-${n}`

/** Registers clients, the role and the subjects. */
export async function registerPeople(store: Store): Promise<void> {
  await register(store, APPLICATION)
  await register(store, KIOSK)
  await store.roleSchemas.put({ [ROLE]: { permissions: [], assumable: [] } })
  await Promise.all(
    Array.from({ length: SUBJECTS }, (_, n) =>
      store.subjects.put(subOf(n), BY, {
        claims: { name: `Alex Example ${n}`, email: `alex.example.${n}@school.test` },
      }),
    ),
  )
}

/** Anybody but those who are revoked in turn. */
export function anySub(random: Random): string {
  return subOf(random.int(2 * REVOKED_IN_TURN, SUBJECTS - 1))
}

/** Whose turn it is to be revoked, as a subject and as one at a client. */
export function subsToRevoke(hour: number): readonly [everywhere: string, atClient: string] {
  const turn = hour % REVOKED_IN_TURN
  return [subOf(turn), subOf(REVOKED_IN_TURN + turn)]
}
