/**
 * The only file that writes the names of Redis keys. docs/key-model.md documents them, a test pins them.
 *
 * A key is `<prefix>{<tag>}<letter><id>`. The tag keeps a partition in one Cluster slot. One letter and no separator keep
 * the key of a token in the smallest possible allocation. Scripts put the same letters behind the base.
 */
import type { LocalId, PartitionNumber, Partitions, TokenHash } from './partitions.ts'

/** The hash that pins an installation. It has no prefix, so that a start with another prefix finds it too. */
export const INSTALLATION_KEY = 'claimcheck:installation'

/** Field of a client in the registry hash; scripts use the same letter. */
export function clientField(clientId: string): string {
  return `c:${clientId}`
}

/** The client of a field; `undefined` for other fields. */
export function parseClientField(field: string): string | undefined {
  return field.startsWith('c:') ? field.slice(2) : undefined
}

/** Pattern of the fields of all clients. */
export const CLIENT_FIELDS = 'c:*'

/** Field of a token key in the installation hash. */
export function tokenKeyField(keyId: string): string {
  return `key:${keyId}`
}

/** The keys of one partition. */
export interface PartitionKeys {
  /** Beginning of every key of the partition. */
  readonly base: string
  /** Hash: `seq` of the last change, and the last tick of the `clock`. */
  readonly head: string
  /** Stream of changes, ids `<seq>-0`. */
  readonly log: string
  /** Hash of registered clients (`c:` fields) and of the resources they serve (`r:` fields). */
  readonly clients: string
  /** A token that is a grant itself. */
  token(hash: TokenHash): string
  grant(id: LocalId): string
  /** Hash of the access tokens of a grant, by token hash. */
  tokens(grant: LocalId): string
  /** The answer to a retry of the last refresh, kept for the grace. */
  successor(grant: LocalId): string
  session(id: LocalId): string
  subject(sub: string): string
  /** Grants and sessions of a subject by expiry. */
  index(sub: string): string
  /** Sorted set of the assignments of a subject, by context and role. */
  assignments(sub: string): string
  /** Sorted set of the same assignments of all subjects of the partition, by context, role and subject. */
  readonly holders: string
  /** Sorted set of the assignments that end by themselves, by that time. */
  readonly ending: string
  /** Hash of how many assignments each role has. */
  readonly roleCounts: string
  /** Hash of the role schema: `id`, `json`, and a field for every role (`r:`). */
  readonly schema: string
  readonly cutoff: CutoffKeys
}

/** Keys of the cutoffs, one per level of the revocation lattice. */
interface CutoffKeys {
  token(hash: TokenHash): string
  grant(id: LocalId): string
  session(id: LocalId): string
  subject(sub: string): string
  subjectClient(sub: string, client: string): string
  client(client: string): string
  readonly all: string
}

/** The streams of the audit. */
export type AuditStream = 'changes' | 'issues' | 'refusals' | 'own' | 'assignments' | 'reads'

/** All keys of an installation. */
export interface Keys {
  partition(partition: PartitionNumber): PartitionKeys
  /** Channel on which the events of all partitions are published. */
  readonly channel: string
  /** Pattern that finds every subject index of the installation. */
  readonly indexPattern: string
  /** The partition and the subject of an index key found by that pattern. */
  parseIndex(key: string): { readonly tag: string; readonly sub: string } | undefined
  /** Prefix of the counters of failed client authentication. */
  readonly failures: string
  /** A stream of the audit; it belongs to no partition. */
  audit(stream: AuditStream): string
}

/**
 * @param prefix 1–32 characters of `[A-Za-z0-9._-]`, so that it cannot open a hash tag or a glob
 * @param database number of the Redis database. Channels, unlike keys, belong to the whole server: without the number, two
 * installations in two databases of one server would receive each other's events
 */
export function createKeys(prefix: string, partitions: Partitions, database = 0): Keys {
  const all = Array.from({ length: partitions.count }, (_, partition) =>
    partitionKeys(`${prefix}{${partitions.tag(partition)}}`),
  )
  const index = new RegExp(`^${prefix.replaceAll('.', '\\.')}\\{([A-Za-z0-9_-]{1,2})\\}i([^]*)$`)
  return {
    partition: (partition) => all[partition] as PartitionKeys,
    channel: database === 0 ? `${prefix}:feed` : `${prefix}:feed:${database}`,
    indexPattern: `${prefix}{*}i*`,
    parseIndex(key) {
      const [match, tag = '', sub = ''] = index.exec(key) ?? []
      return match === undefined ? undefined : { tag, sub }
    },
    failures: `${prefix}:failures`,
    audit: (stream) => `${prefix}:audit:${stream}`,
  }
}

function partitionKeys(base: string): PartitionKeys {
  return {
    base,
    head: `${base}h`,
    log: `${base}l`,
    clients: `${base}c`,
    token: (hash) => `${base}t${hash}`,
    grant: (id) => `${base}g${id}`,
    tokens: (grant) => `${base}k${grant}`,
    successor: (grant) => `${base}r${grant}`,
    session: (id) => `${base}s${id}`,
    subject: (sub) => `${base}u${sub}`,
    index: (sub) => `${base}i${sub}`,
    assignments: (sub) => `${base}a${sub}`,
    holders: `${base}w`,
    ending: `${base}e`,
    roleCounts: `${base}n`,
    schema: `${base}y`,
    cutoff: {
      token: (hash) => `${base}xt${hash}`,
      grant: (id) => `${base}xg${id}`,
      session: (id) => `${base}xs${id}`,
      subject: (sub) => `${base}xu${sub}`,
      subjectClient: (sub, client) => `${base}xp${client}\n${sub}`,
      client: (client) => `${base}xc${client}`,
      all: `${base}xa`,
    },
  }
}
