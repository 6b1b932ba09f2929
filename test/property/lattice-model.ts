/**
 * A naive model of the revocation lattice: every revocation ever made is kept in a list, and a token is checked against
 * all of them, as is each token that it was exchanged from. Time is the order of the steps. It is slow and obvious, and was
 * written without a look at the scripts.
 */

/** What a token or session belongs to. */
export interface Holder {
  readonly sub: string
  readonly client: string
  /** '' where there is none. */
  readonly session: string
  readonly grant: string
  readonly token: string
}

/** A token of the model. */
export interface ModelToken extends Holder {
  readonly issuedAt: number
  /** What it was exchanged from, if it was. */
  readonly origin?: ModelToken
}

/** What a cutoff is aimed at: everything whose members agree with all that are given. */
export type Aim = Partial<Holder>

/** The model. */
export interface LatticeModel {
  /** Voids what was issued until a time, later than another. */
  cut(aim: Aim, at: number, after?: number): void
  /** Whether something that began at this time is void by now. */
  isVoid(holder: Holder, since: number): boolean
  setSuspended(sub: string, suspended: boolean): void
  setEnabled(client: string, enabled: boolean): void
  mayHave(sub: string, client: string): boolean
  /** Whether a token or what it came from is void. */
  isDead(token: ModelToken): boolean
  isActive(token: ModelToken): boolean
}

/** An empty model. */
export function createLatticeModel(): LatticeModel {
  const cutoffs: { readonly aim: Aim; readonly at: number; readonly after: number }[] = []
  const suspended = new Set<string>()
  const disabled = new Set<string>()
  const matches = (aim: Aim, holder: Holder) =>
    Object.entries(aim).every(([member, value]) => holder[member as keyof Holder] === value)
  const model: LatticeModel = {
    cut: (aim, at, after = Number.NEGATIVE_INFINITY) => void cutoffs.push({ aim, at, after }),
    isVoid: (holder, since) =>
      cutoffs.some(({ aim, at, after }) => matches(aim, holder) && since <= at && since > after),
    isDead: (token) =>
      model.isVoid(token, token.issuedAt) ||
      (token.origin !== undefined && model.isDead(token.origin)),
    setSuspended: (sub, is) => void (is ? suspended.add(sub) : suspended.delete(sub)),
    setEnabled: (client, is) => void (is ? disabled.delete(client) : disabled.add(client)),
    mayHave: (sub, client) => !suspended.has(sub) && !disabled.has(client),
    isActive: (token) => model.mayHave(token.sub, token.client) && !model.isDead(token),
  }
  return model
}
