/**
 * What an installation does in an hour, again and again: logins, refreshes, revocations of every level but the widest,
 * changes of roles, and the records of all that.
 */
import type { Store } from '../../store/store.ts'
import { createRandom } from '../../test/chaos/random.ts'
import { BY } from '../../test/redis/actions.ts'
import { createLogins } from './logins.ts'
import { APPLICATION } from './people.ts'
import { createRoleChanges } from './role-changes.ts'

/** The traffic of an installation. */
export interface Traffic {
  /** Does what is done in an hour, at its beginning. @param nowSeconds by the clock of Redis */
  begin(hour: number, nowSeconds: number): Promise<void>
  /** In the middle of the hour. @throws {Error} when something is not worth what it must be */
  checkMiddle(): Promise<void>
  /** When the hour is over. @throws {Error} when something outlived its end */
  checkEnd(): Promise<void>
  /** Leaves nothing behind that would stand for good. */
  finish(): Promise<void>
}

/** Makes a record of the audit, as the issuer does. */
export type KeepRecord = (action: string, subject: string) => Promise<void>

const SEED = 1

/** Begins with nobody logged in. */
export function createTraffic(store: Store): Traffic {
  const random = createRandom(SEED)
  const record: KeepRecord = (action, subject) =>
    store.audit.append({
      action,
      result: 'done',
      actor: BY,
      subject,
      client: APPLICATION,
      source: '192.0.2.1',
      request_id: `request-${random.int(1e9, 9e9)}`,
    })
  const logins = createLogins(store, random, record)
  const roles = createRoleChanges(store, random.fork(), record)

  return {
    async begin(hour, nowSeconds) {
      await Promise.all([logins.begin(hour), roles.begin(hour, nowSeconds)])
    },
    async checkMiddle() {
      await Promise.all([logins.checkMiddle(), roles.checkMiddle()])
    },
    async checkEnd() {
      await Promise.all([logins.checkEnd(), roles.checkEnd()])
    },
    finish: roles.finish,
  }
}
