/**
 * The small system of the model search as data: the log of each partition, one feed node, one socket, one client that
 * caches one token. States are immutable; a rule (protocol.ts) makes the next one.
 *
 * What is left out to keep the number of states small loses no violation, because each one has a run without it:
 *
 * - Absolute time. Only whether something is older than the bound matters, so ages are kept, and counted up to the bound
 *   only. A run may take any number of ticks.
 * - Other tokens. Entries never touch each other. The token lives in the last partition; what concerns others there, or
 *   anything in another partition, is a change of kind `other`.
 * - More than one probe or flight at a time, and any while there is a lease or an entry. A late hit has one entry and one
 *   lease; all flights and probes but those that gave them can be struck from its run, since they change nothing else.
 *   So can lost and refused replies, which is why no rule loses one, and why marks of other tokens need not be kept:
 *   evicting one raises the floor, which only refuses more.
 * - Delay on the way to a server. A probe is sent when the heads are read: sent earlier, its lease would end earlier. A
 *   lookup is sent when it is read: sent earlier, it could only be fenced or spoiled by more, and who joins before it is
 *   read gets something later than the joining.
 * - Delay of answers where waiting makes nothing later: a lease is written as soon as it may be; `start` arrives as it is
 *   written, since until then the client is as if not connected, and then what it stored and sent meanwhile is void
 *   (or, resumed, as good as before).
 * - Missed events in one piece. A node that has read more than the client is one that reads on after it has resumed.
 * - Nodes nobody is connected to. Every connection may be to a node that has read any part of any history; staying with
 *   the same node is one of the choices.
 * - The floor of logs. Whoever reads on may find that the log was trimmed; a log that is trimmed for one reader and not
 *   for the next is more than the system can do, and harmless to allow.
 * - All but the last lookup that joined a flight: it is owed the most.
 */

/** What a change touches: the token by its own id, the subject it belongs to, or something else. */
export type Kind = 'token' | 'subject' | 'other'

/** A committed change; `age` in ticks, no further than the bound. */
export interface Change {
  readonly kind: Kind
  readonly age: number
}

/** A point in a history. */
export interface Position {
  readonly epoch: number
  readonly seq: number
}

/** The primary of one partition (rules 1 to 6). The change with number `seq` is `changes[seq - 1]`. */
export interface History {
  readonly epoch: number
  readonly changes: readonly Change[]
  /** By epoch: how many changes of the one before it have survived. */
  readonly inherited: readonly number[]
  /** By epoch: how many changes there were when it ended. */
  readonly ended: readonly number[]
}

/** What a node writes on the socket after `start`; in order, never lost but with the socket. */
export type Frame =
  | (Position & { readonly type: 'event'; readonly partition: number; readonly kind: Kind })
  | (Position & { readonly type: 'reset'; readonly partition: number })
  | { readonly type: 'lease' }

/** What the client knows of a partition. */
export interface Followed {
  readonly epoch: number
  readonly applied: number
  readonly floor: number
  /** The last invalidation of each group of the token; 0 when there was none or it was evicted. */
  readonly tokenMark: number
  readonly subjectMark: number
}

/** A lookup on its way back. */
export interface Flight {
  readonly age: number
  /** Where the store read it. */
  readonly reply: Position
  /** The partition was reset after the lookup was sent. */
  readonly isFenced: boolean
  /** An event named the token itself meanwhile: all that the variant `placeholder` looks at. */
  readonly isTouched: boolean
  /** What the answer owes to the last lookup that joined: changes up to here. 0 when nobody joined. */
  readonly owed: number
}

/** A probe on its way, and what became of it (rule 10). */
interface Probe {
  readonly age: number
  /** What the node has read at the primaries, until it has written the lease. */
  readonly heads: readonly Position[] | undefined
}

/** Everything. Every member is always there, if undefined: copying objects of one shape is several times faster. */
export interface State {
  readonly store: readonly History[]
  /** How far the reader of the connected node has come, by partition; empty without a connection. */
  readonly node: readonly Position[]
  /** Frames on their way; undefined without a connection. */
  readonly socket: readonly Frame[] | undefined
  /** Only in the variant `gated`: the heads that a node must have reached before it starts the client. */
  readonly gate: readonly Position[] | undefined
  readonly isSynced: boolean
  readonly followed: readonly Followed[]
  readonly entry: Position | undefined
  readonly flight: Flight | undefined
  readonly probe: Probe | undefined
  /** Ticks for which the lease still lasts. */
  readonly lease: number
  /** Not part of the system: up to where the client was ever told of changes that still stand. */
  readonly told: number
  readonly commits: number
}

/** How large the system is, and what can befall it. */
export interface World {
  readonly partitions: 1 | 2
  /** Staleness bound in ticks. */
  readonly bound: number
  /** Changes that may be committed, over all partitions. */
  readonly commits: number
  readonly kinds: readonly Kind[]
  /** Failovers of each partition; each loses at most the last change. */
  readonly failovers: number
  /** Marks may be evicted. */
  readonly canEvict: boolean
  /** Lookups may join a flight. */
  readonly canJoin: boolean
  /** Whether an answer that lacks what the client was told before is a breach even within the bound. */
  readonly isToldJudged: boolean
}

/** The state in which nothing has happened: not even a first connection. */
export function startState({ partitions }: World): State {
  const each = <Item>(item: Item): Item[] => Array.from({ length: partitions }, () => item)
  return {
    store: each({ epoch: 0, changes: [], inherited: [0], ended: [] }),
    node: [],
    socket: undefined,
    gate: undefined,
    isSynced: false,
    followed: each({ epoch: 0, applied: 0, floor: 0, tokenMark: 0, subjectMark: 0 }),
    entry: undefined,
    flight: undefined,
    probe: undefined,
    lease: 0,
    told: 0,
    commits: 0,
  }
}

const codes: number[] = []

/**
 * A short text that differs for different states. Made of character codes at once: a text put together from parts is
 * hashed several times slower.
 */
export function keyOf(state: State): string {
  const { store, node, socket, gate, followed, entry, flight, probe } = state
  codes.length = 0
  codes.push(state.commits, state.told, state.lease, state.isSynced ? 1 : 0)
  for (const history of store) addHistory(history)
  for (const { epoch, applied, floor, tokenMark, subjectMark } of followed) {
    codes.push(epoch, applied, floor, tokenMark, subjectMark)
  }
  if (entry !== undefined) codes.push(MARK.entry, entry.epoch, entry.seq)
  if (flight !== undefined) addFlight(flight)
  if (probe !== undefined) addProbe(probe)
  if (gate !== undefined) addPositions(MARK.gate, gate)
  if (socket === undefined) return String.fromCharCode(...codes)
  addPositions(MARK.socket, node)
  for (const frame of socket) addFrame(frame)
  return String.fromCharCode(...codes)
}

/** Beyond every number that occurs in a state, so that no part can be taken for the end of the one before. */
const MARK = {
  history: 100,
  entry: 101,
  flight: 102,
  probe: 103,
  socket: 104,
  gate: 105,
  event: 106,
  reset: 107,
  lease: 108,
} as const

const KIND_CODE = { token: 0, subject: 20, other: 40 } as const

function addPositions(mark: number, positions: readonly Position[]): void {
  codes.push(mark)
  for (const { epoch, seq } of positions) codes.push(epoch, seq)
}

function addHistory({ epoch, changes, inherited, ended }: History): void {
  codes.push(MARK.history, epoch)
  for (let past = 0; past < epoch; past++) {
    codes.push(inherited[past + 1] as number, ended[past] as number)
  }
  for (const { kind, age } of changes) codes.push(KIND_CODE[kind] + age)
}

function addFlight({ age, reply, isFenced, isTouched, owed }: Flight): void {
  codes.push(
    MARK.flight,
    age,
    owed,
    reply.epoch,
    reply.seq,
    (isFenced ? 2 : 0) + (isTouched ? 1 : 0),
  )
}

function addProbe({ age, heads }: Probe): void {
  codes.push(age)
  addPositions(MARK.probe, heads ?? [])
}

function addFrame(frame: Frame): void {
  codes.push(MARK[frame.type])
  if (frame.type === 'lease') return
  codes.push(frame.partition, frame.epoch, frame.seq)
  if (frame.type === 'event') codes.push(KIND_CODE[frame.kind])
}
