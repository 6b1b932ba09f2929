/**
 * What happens on the side of the servers: the primaries of the partitions (rules 1 to 7) and the feed node (rules 8 to
 * 10). Each function makes one next state, or a list of them where there is a choice. The counterparts in the product are
 * `store/` and, in `introspect/`, the log reader and the feed.
 *
 * Not modelled: two primaries of one partition at the same time, the replay of lost revocations after a failover
 * (rule 7; it only makes more of them survive), and closing of slow sockets (rule 11; to the client a cut).
 */
import type { Change, Followed, Frame, History, Kind, Position, State, World } from './state.ts'
import type { Variant } from './variants.ts'

/** Rules 1 and 2: state, number and log entry change together. */
export function commit(state: State, partition: number, kind: Kind): State {
  const history = state.store[partition] as History
  const changes = [...history.changes, { kind, age: 0 }]
  const store = state.store.with(partition, { ...history, changes })
  return { ...state, store, commits: state.commits + 1 }
}

/** Rule 4: a primary whose history goes on after the first `kept` changes has another epoch. */
export function failOver(state: State, partition: number, kept: number): State {
  const { epoch, changes, inherited, ended } = state.store[partition] as History
  const next: History = {
    epoch: epoch + 1,
    changes: changes.slice(0, kept),
    inherited: [...inherited, kept],
    ended: [...ended, changes.length],
  }
  return { ...state, store: state.store.with(partition, next) }
}

/** Rule 8: what the reader may find next in the log of a partition. */
export function readNext(state: State, partition: number, variant: Variant): readonly State[] {
  const { epoch, changes } = state.store[partition] as History
  const own = state.node[partition] as Position
  const head: Position = { epoch, seq: changes.length }
  if (own.epoch !== epoch && variant !== 'noepoch') return [standAnew(state, partition, head)]
  if (own.seq >= head.seq) return []
  if (variant === 'nogap') {
    // A trimmed stream answers with what it still has, and no error.
    return range(own.seq + 1, head.seq).map((seq) => follow(state, partition, seq))
  }
  return [follow(state, partition, own.seq + 1), standAnew(state, partition, head)]
}

function follow(state: State, partition: number, seq: number): State {
  const { epoch } = state.node[partition] as Position
  const { kind } = (state.store[partition] as History).changes[seq - 1] as Change
  return broadcast(state, { type: 'event', partition, epoch, seq, kind })
}

/** The log does not go on from where the reader is: trimmed (rule 6), or another history. */
function standAnew(state: State, partition: number, head: Position): State {
  return broadcast(state, { type: 'reset', partition, ...head })
}

function broadcast(state: State, frame: Extract<Frame, Position>): State {
  const { epoch, seq, partition } = frame
  const node = state.node.with(partition, { epoch, seq })
  return { ...state, node, socket: [...(state.socket ?? []), frame] }
}

/** How a node goes on with a partition (rule 9), and how far its reader then believes to have come. */
export interface Start extends Position {
  readonly how: 'resume' | 'reset'
}

/** Only in the variant `gated`: a client that says hello waits for heads as a probe does. */
export function sayHello(state: State): State {
  return { ...state, gate: state.store.map(headOf) }
}

/** Rule 9: all the ways in which a node can answer `hello`. It may have read any part of any history. */
export function waysToStart(state: State, variant: Variant): readonly (readonly Start[])[] {
  return combinations(
    state.store.map((history, partition) => {
      const followed = state.followed[partition] as Followed
      const resets: Start[] = positionsIn(history)
        .filter(
          (own) => state.gate === undefined || isAtLeast(own, state.gate[partition] as Position),
        )
        .map((own) => ({ how: 'reset', ...own }))
      return state.isSynced ? [...resets, ...resumes(history, followed, variant)] : resets
    }),
  )
}

function positionsIn({ changes, ended }: History): Position[] {
  return [...ended, changes.length].flatMap((last, epoch) =>
    range(0, last).map((seq) => ({ epoch, seq })),
  )
}

/**
 * Where a client resumes, a node that has read more is one that reads on from there. After the end of a history nobody
 * can: events of it that a node still holds in memory would only make the client refuse more.
 */
function resumes(history: History, { epoch, applied }: Followed, variant: Variant): Start[] {
  const head = history.changes.length
  const resume = (seq: number): Start => ({ how: 'resume', epoch, seq })
  // The events between are written by nobody.
  if (variant === 'nogap') return range(applied, Math.max(applied, head)).map(resume)
  if (variant === 'nodeswap' && epoch === history.epoch) return [resume(Math.max(applied, head))]
  if (variant === 'noepoch' && applied > head) return []
  return [resume(applied)]
}

function combinations<Choice>(choices: readonly (readonly Choice[])[]): Choice[][] {
  return choices.reduce<Choice[][]>(
    (made, next) => made.flatMap((some) => next.map((choice) => [...some, choice])),
    [[]],
  )
}

function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)
}

/**
 * Rule 10: the heads come from the primaries, after the probe. Reading them all at once stands for reading them one by
 * one: a lease is judged by the token's partition alone.
 */
export function sendProbe(state: State, variant: Variant): State {
  const heads = variant === 'nodehead' ? state.node : state.store.map(headOf)
  return { ...state, probe: { age: 0, heads } }
}

function headOf({ epoch, changes }: History): Position {
  return { epoch, seq: changes.length }
}

/** Rule 10: the node answers once it has read up to the heads, behind all it has written before. */
export function answerProbe(state: State, variant: Variant): State {
  const { probe, socket, node } = state
  if (probe?.heads === undefined || socket === undefined) return state
  if (variant !== 'noreader' && !hasReached(node, probe.heads, variant)) return state
  const frame: Frame = { type: 'lease' }
  return {
    ...state,
    // The first frame of the list is the next to arrive.
    socket: variant === 'nocursor' ? [frame, ...socket] : [...socket, frame],
    probe: { age: probe.age, heads: undefined },
  }
}

function hasReached(
  node: readonly Position[],
  heads: readonly Position[],
  variant: Variant,
): boolean {
  const looked = variant === 'onepartition' ? heads.slice(0, 1) : heads
  return looked.every((head, partition) => {
    const own = node[partition] as Position
    return variant === 'noepoch' ? own.seq >= head.seq : isAtLeast(own, head)
  })
}

/** Of two epochs nobody can tell which one is later: silence is the safe answer. */
function isAtLeast(own: Position, head: Position): boolean {
  return own.epoch === head.epoch && own.seq >= head.seq
}

/** Lets a tick pass for the changes. Those of kind `other` have no age: nothing is judged by them. */
export function ageStore(store: readonly History[], { bound }: World): readonly History[] {
  return store.map((history) => {
    const changes = history.changes.map((change) => aged(change, bound))
    return { ...history, changes }
  })
}

function aged(change: Change, bound: number): Change {
  if (change.kind === 'other' || change.age >= bound) return change
  return { kind: change.kind, age: change.age + 1 }
}
