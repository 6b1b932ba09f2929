/** The verifications that are timed: jose on a JWT that carries the roles. */
import { type SignedJwt, signJwt } from './jwt.ts'
import type { JwtKind } from './question.ts'
import { timeTogether } from './timing.ts'

/** JWTs that were signed. */
export interface Verifications {
  /** @returns microseconds of one verification */
  time(jwt: JwtKind, calls: number): Promise<number>
}

/** Under way at once, as in a service under load: the threads that verify are then used best. */
const AT_ONCE = 16

/** Signs one JWT of each kind. */
export async function prepareVerifications(kinds: readonly JwtKind[]): Promise<Verifications> {
  const signed = new Map<string, SignedJwt>()
  for (const kind of kinds) signed.set(nameOf(kind), await signJwt(kind.algorithm, kind.roles))
  return {
    time(kind, calls) {
      const jwt = signed.get(nameOf(kind))
      if (jwt === undefined) throw new Error(`no JWT was signed for ${nameOf(kind)}`)
      const bytes = Buffer.from(jwt.text, 'latin1')
      return timeTogether(calls, AT_ONCE, {
        prepare: (count) => Array.from({ length: count }, () => bytes.toString('latin1')),
        make: (text) => jwt.verify(text),
        check({ sub }) {
          if (sub !== jwt.subject) throw new Error('a JWT was not verified')
        },
      })
    },
  }
}

function nameOf({ algorithm, roles }: JwtKind): string {
  return `${algorithm} ${roles}`
}
