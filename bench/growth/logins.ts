/**
 * Logins of the simulated month, with all that comes of them: refreshes while somebody is there, silence, refusals when the
 * grant is over, revocations. What each token must be worth is known; anything else is thrown.
 */
import type { RevocationTarget } from '../../store/revocations/target.ts'
import type { Store } from '../../store/store.ts'
import type { Random } from '../../test/chaos/random.ts'
import { issue, issueGrant, refresh, revoke, stateOf } from '../../test/redis/actions.ts'
import { ACCESS_TOKEN_LIFETIME, DAY_HOURS, GRANT_HOURS, HOUR, IDLE_HOURS } from './lives.ts'
import { APPLICATION, anySub, KIOSK, subsToRevoke } from './people.ts'
import type { KeepRecord } from './traffic.ts'

/** The logins of an installation. */
export interface Logins {
  /** Does what is done in an hour. */
  begin(hour: number): Promise<void>
  /** While the tokens of this hour must be live, unless they were revoked. */
  checkMiddle(): Promise<void>
  /** When none of them may be. */
  checkEnd(): Promise<void>
}

/** Who logged in, and what they hold. */
interface Login {
  readonly sub: string
  readonly clientId: string
  readonly grantId: string
  readonly sid: string
  readonly bornAt: number
  access: string
  refresh: string
  refreshedAt: number
  /** After these it is silent until its end. */
  refreshesLeft: number
}

const LOGINS = 6
const TOKENS_WITHOUT_REFRESH = 4
const TOKENS_OF_CLIENTS = 4
const MOST_REFRESHES = 30
const CHECKED = 8
const REFRESH = { lifetimeSeconds: GRANT_HOURS * HOUR, idleLifetimeSeconds: IDLE_HOURS * HOUR }

/** Nobody is logged in yet. */
export function createLogins(store: Store, random: Random, record: KeepRecord): Logins {
  const open = new Set<Login>()
  const live = new Set<string>()
  const revoked = new Set<string>()
  let hour = 0

  async function logIn(sub: string, clientId = APPLICATION): Promise<Login> {
    const login = { sub, clientId, session: 'new', refresh: REFRESH } as const
    const tokens = await issueGrant(store, { ...login, lifetime: ACCESS_TOKEN_LIFETIME })
    await record('token.issue', sub)
    const held: Login = {
      sub,
      clientId,
      grantId: tokens.grantId,
      sid: tokens.sid as string,
      bornAt: hour,
      access: tokens.accessToken,
      refresh: tokens.refreshToken,
      refreshedAt: hour,
      refreshesLeft: random.int(0, MOST_REFRESHES),
    }
    open.add(held)
    live.add(held.access)
    return held
  }

  async function issueAlone(sub: string, subjectKind: 'user' | 'client'): Promise<void> {
    const alone = { sub, clientId: APPLICATION, subjectKind, lifetime: ACCESS_TOKEN_LIFETIME }
    live.add((await issue(store, alone)).accessToken)
  }

  async function refreshOrEnd(login: Login): Promise<void> {
    const isOver = hour - login.bornAt >= GRANT_HOURS || hour - login.refreshedAt >= IDLE_HOURS
    if (!isOver && login.refreshesLeft === 0) return
    const outcome = await refresh(store, login.refresh, login.clientId, {
      accessTokenLifetimeSeconds: ACCESS_TOKEN_LIFETIME,
      idleLifetimeSeconds: REFRESH.idleLifetimeSeconds,
    })
    if ((outcome.kind === 'refreshed') === isOver) {
      throw new Error(`a refresh ${hour - login.bornAt} hours after the login: ${outcome.kind}`)
    }
    if (outcome.kind !== 'refreshed') {
      open.delete(login)
      return
    }
    login.access = outcome.accessToken
    login.refresh = outcome.refreshToken
    login.refreshedAt = hour
    login.refreshesLeft--
    live.add(login.access)
  }

  /** Revokes, and sees to it that nobody who is hit can go on. */
  async function cut(target: RevocationTarget, isHit: (login: Login) => boolean): Promise<void> {
    const outcome = await revoke(store, target)
    if (outcome.kind !== 'revoked') throw new Error(`a revocation came to ${outcome.kind}`)
    await record('revocation.create', target.level)
    for (const login of [...open].filter(isHit)) {
      open.delete(login)
      const { kind } = await refresh(store, login.refresh, login.clientId)
      if (kind !== 'revoked') throw new Error(`a refresh after a revocation came to ${kind}`)
      noteRevoked(login.access)
    }
  }

  /** Of what was issued in an earlier hour nothing is asked any more. */
  function noteRevoked(access: string): void {
    if (live.delete(access)) revoked.add(access)
  }

  async function revokeSome(): Promise<void> {
    const byGrant = random.pick([...open]) as Login
    const bySession = random.pick([...open]) as Login
    const [everywhere, atClient] = subsToRevoke(hour)
    await Promise.all([
      cut({ level: 'grant', grantId: byGrant.grantId }, (login) => login === byGrant),
      cut({ level: 'session', sid: bySession.sid }, (login) => login === bySession),
      revokeToken(random.pick([...live]) as string),
      revokeAfterLogin({ level: 'subject', sub: everywhere }),
      revokeAfterLogin({ level: 'subject+client', sub: atClient, clientId: APPLICATION }),
    ])
    if (hour % DAY_HOURS !== DAY_HOURS / 2) return
    await logIn(anySub(random), KIOSK)
    await cut({ level: 'client', clientId: KIOSK }, ({ clientId }) => clientId === KIOSK)
  }

  async function revokeAfterLogin(
    target: Extract<RevocationTarget, { readonly sub: string }>,
  ): Promise<void> {
    await logIn(target.sub)
    await cut(target, ({ sub }) => sub === target.sub)
  }

  async function revokeToken(token: string): Promise<void> {
    const located = await store.locate(token)
    if (located === undefined) throw new Error('a token of ours is none')
    await cut({ level: 'token', jti: store.idsOf(located).jti }, () => false)
    noteRevoked(token)
  }

  async function expect(tokens: Iterable<string>, what: string, ...right: string[]) {
    const all = [...tokens]
    const asked = times(Math.min(CHECKED, all.length), () => random.pick(all) as string)
    const states = await Promise.all(asked.map((token) => stateOf(store, token)))
    const wrong = states.find((state) => !right.includes(state))
    if (wrong !== undefined) throw new Error(`hour ${hour}: ${what} is ${wrong}`)
  }

  return {
    async begin(now) {
      hour = now
      live.clear()
      revoked.clear()
      const earlier = [...open]
      await Promise.all([
        ...times(LOGINS, () => logIn(anySub(random))),
        ...times(TOKENS_WITHOUT_REFRESH, () => issueAlone(anySub(random), 'user')),
        ...times(TOKENS_OF_CLIENTS, () => issueAlone(APPLICATION, 'client')),
        ...earlier.map(refreshOrEnd),
      ])
      await revokeSome()
    },

    async checkMiddle() {
      await Promise.all([
        expect(live, 'a token of this hour', 'active'),
        expect(revoked, 'a token that was revoked', 'revoked'),
      ])
    },

    async checkEnd() {
      await Promise.all([
        expect(live, 'a token of an hour ago', 'expired', 'unknown'),
        expect(revoked, 'a revoked token of an hour ago', 'revoked', 'expired', 'unknown'),
      ])
    },
  }
}

function times<Outcome>(count: number, work: () => Outcome): Outcome[] {
  return Array.from({ length: count }, work)
}
