/**
 * A naive model of the revocation lattice: every cutoff ever written is kept in a list, and a token is tried against
 * all of them. Time is the order of the steps. Slow, obvious, and written without a look at the scripts.
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
}

/** What a cutoff is aimed at: everything whose members agree with all that are given. */
export type Aim = Partial<Holder>

/** The model. */
export interface LatticeModel {
  cut(aim: Aim, at: number): void
  /** Whether something that began at this time is void by now. */
  isVoid(holder: Holder, since: number): boolean
  setSuspended(sub: string, suspended: boolean): void
  setEnabled(client: string, enabled: boolean): void
  mayHave(sub: string, client: string): boolean
  isActive(token: ModelToken): boolean
}

/** An empty model. */
export function createLatticeModel(): LatticeModel {
  const cutoffs: { readonly aim: Aim; readonly at: number }[] = []
  const suspended = new Set<string>()
  const disabled = new Set<string>()
  const matches = (aim: Aim, holder: Holder) =>
    Object.entries(aim).every(([member, value]) => holder[member as keyof Holder] === value)
  const model: LatticeModel = {
    cut: (aim, at) => void cutoffs.push({ aim, at }),
    isVoid: (holder, since) => cutoffs.some(({ aim, at }) => matches(aim, holder) && since <= at),
    setSuspended: (sub, is) => void (is ? suspended.add(sub) : suspended.delete(sub)),
    setEnabled: (client, is) => void (is ? disabled.delete(client) : disabled.add(client)),
    mayHave: (sub, client) => !suspended.has(sub) && !disabled.has(client),
    isActive: (token) =>
      model.mayHave(token.sub, token.client) && !model.isVoid(token, token.issuedAt),
  }
  return model
}
