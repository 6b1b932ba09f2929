/**
 * What an installation does in an hour of the simulated month: logins with a session and a refresh token, refreshes of earlier
 * logins, tokens without a refresh token, revocations, roles that end, and audit records. The subjects come again and again.
 */
import type { Store } from '../../store/store.ts'
import {
  BY,
  issue,
  issueGrant,
  locate,
  refreshed,
  register,
  revoke,
  stateOf,
} from '../../test/redis/actions.ts'

/** The traffic of an installation. */
export interface Traffic {
  /** Does what is done in an hour, at its beginning. @param nowSeconds by the clock of Redis */
  begin(hour: number, nowSeconds: number): Promise<void>
  /** When the hour is over. @throws {Error} when one of its tokens is still active */
  checkEnd(): Promise<void>
}

/** Seconds. Lives are short, so that as much ends as begins from the second day on. */
export const HOUR = 3_600
export const DAY_HOURS = 24

const APPLICATION = 'web-app'
const ROLE = 'teacher'
const SUBJECTS = 300
/** One an hour is revoked as a whole: its cutoff stands for 366 days, but each subject has only one. */
const REVOKED_IN_TURN = 24
const LOGINS = 10
const TOKENS_WITHOUT_REFRESH = 8
const ENDING_ROLES = 20
/** Each login is refreshed once an hour for so long, then it is silent until its end. */
const ACTIVE_HOURS = 8
const REFRESH = { lifetimeSeconds: DAY_HOURS * HOUR, idleLifetimeSeconds: 8 * HOUR }

/** Registers the client and the role. */
export async function createTraffic(store: Store): Promise<Traffic> {
  await register(store, APPLICATION)
  await store.roleSchemas.put({ [ROLE]: { permissions: [], assumable: [] } })
  const logins: { readonly bornAt: number; refreshToken: string }[] = []
  let subjects = 0
  let issued: string[] = []
  const nextSub = (): string => `user-${REVOKED_IN_TURN + (subjects++ % SUBJECTS)}`

  async function logIn(sub: string, hour: number) {
    const request = { sub, clientId: APPLICATION, session: 'new', lifetime: HOUR } as const
    const tokens = await issueGrant(store, { ...request, refresh: REFRESH })
    logins.push({ bornAt: hour, refreshToken: tokens.refreshToken })
    issued.push(tokens.accessToken)
    await store.audit.append({ action: 'token.issue', result: 'done', actor: BY, subject: sub })
    return tokens
  }

  async function refreshEarlier(hour: number): Promise<void> {
    const ended = logins.findIndex(({ bornAt }) => hour - bornAt <= ACTIVE_HOURS)
    logins.splice(0, ended === -1 ? logins.length : ended)
    await Promise.all(
      logins.map(async (login) => {
        const { idleLifetimeSeconds } = REFRESH
        const request = { accessTokenLifetimeSeconds: HOUR, idleLifetimeSeconds }
        const tokens = await refreshed(store, login.refreshToken, APPLICATION, request)
        login.refreshToken = tokens.refreshToken
        issued.push(tokens.accessToken)
      }),
    )
  }

  /** Of logins made for it: the others go on. */
  async function revokeSome(hour: number): Promise<void> {
    const sub = `user-${hour % REVOKED_IN_TURN}`
    const before = logins.length
    const [one, two, three] = [
      await logIn(sub, hour),
      await logIn(sub, hour),
      await logIn(sub, hour),
    ]
    logins.length = before
    const { jti } = store.idsOf(await locate(store, one.accessToken))
    await revoke(store, { level: 'token', jti })
    await revoke(store, { level: 'grant', grantId: two.grantId })
    await revoke(store, { level: 'session', sid: three.sid as string })
    await revoke(store, { level: 'subject', sub })
  }

  async function assignRoles(nowSeconds: number): Promise<void> {
    const changes = Array.from({ length: ENDING_ROLES }, (_, n) => ({
      op: 'assign' as const,
      sub: nextSub(),
      context: `course:${n}`,
      role: ROLE,
      expiresAt: Math.round(nowSeconds + ((n % DAY_HOURS) + 0.75) * HOUR),
    }))
    await store.assignments.apply(changes)
  }

  return {
    async begin(hour, nowSeconds) {
      issued = []
      await refreshEarlier(hour)
      await Promise.all(Array.from({ length: LOGINS }, () => logIn(nextSub(), hour)))
      for (let n = 0; n < TOKENS_WITHOUT_REFRESH; n++) {
        const alone = { sub: nextSub(), clientId: APPLICATION, lifetime: HOUR }
        issued.push((await issue(store, alone)).accessToken)
      }
      await revokeSome(hour)
      await assignRoles(nowSeconds)
    },
    async checkEnd() {
      const states = await Promise.all(issued.map((token) => stateOf(store, token)))
      if (states.includes('active')) throw new Error('a token outlived its end')
    },
  }
}
