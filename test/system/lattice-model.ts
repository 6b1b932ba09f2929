/**
 * The naive model that the agreement test holds the store to. It knows neither microseconds nor partitions, only
 * which operations overlapped: every operation begins and ends at a tick of one counter. A cutoff lies somewhere between
 * the ticks of its operation, an issue likewise. Where the order is certain the model demands an answer; where two
 * operations overlapped it demands none.
 */

/** Ticks between which something happened; `end` is infinite while it is under way. */
export interface Span {
  readonly start: number
  end: number
}

/** What a cutoff is compared with: names of the token and of what it belongs to. */
export interface Lineage {
  readonly token: string
  readonly grant: string
  readonly session: string
  readonly sub: string
  readonly client: string
}

/** A token or grant of the model. */
export interface Issued {
  readonly lineage: Lineage
  readonly issued: Span
}

/** A cutoff of the model: it matches where all its names match, so no name at all matches everything. */
interface Cut {
  readonly names: Partial<Lineage>
  /** When the call was made and returned. */
  readonly call: Span
  /** Between which ticks the cutoff lies: those of the call, or of the moment that `issued_before` named. */
  readonly moment: Span
  /** Between which ticks the moment lies that `issued_after` named: what was issued until then is spared. */
  readonly since: Span | undefined
}

/** What the model knows. */
export interface LatticeModel {
  /** The next tick. */
  tick(): number
  begin(): Span
  /** To be told before the call is made. Returns a function that takes it back, for a call that cut nothing. */
  addCut(names: Partial<Lineage>, call: Span, moment?: Span, since?: Span): () => void
  /** A cutoff that matches had returned before the tick `asked`, is later than the issue, and began before it. */
  isSurelyVoid(issued: Issued, asked: number): boolean
  /** No cutoff that matches can be later than the issue and have begun before it. */
  isSurelySpared(issued: Issued): boolean
}

const ALWAYS: Span = { start: Number.NEGATIVE_INFINITY, end: Number.NEGATIVE_INFINITY }

/** Makes an empty model. */
export function createLatticeModel(): LatticeModel {
  const cuts = new Set<Cut>()
  let now = 0
  const matches = (names: Partial<Lineage>, lineage: Lineage) =>
    Object.entries(names).every(([level, name]) => lineage[level as keyof Lineage] === name)
  return {
    tick: () => now++,
    begin: () => ({ start: now++, end: Number.POSITIVE_INFINITY }),
    addCut(names, call, moment = call, since) {
      const cut = { names, call, moment, since }
      cuts.add(cut)
      return () => void cuts.delete(cut)
    },
    isSurelyVoid: ({ lineage, issued }, asked) =>
      [...cuts].some(
        ({ names, call, moment, since = ALWAYS }) =>
          call.end < asked &&
          since.end < issued.start &&
          issued.end < moment.start &&
          matches(names, lineage),
      ),
    isSurelySpared: ({ lineage, issued }) =>
      [...cuts].every(
        ({ names, moment, since = ALWAYS }) =>
          moment.end < issued.start || issued.end < since.start || !matches(names, lineage),
      ),
  }
}
