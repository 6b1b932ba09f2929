/**
 * A subject has one partition, and so has everything issued to it. The partition's tag is the hash tag of its keys (one
 * Cluster slot) and the first characters of every public id, so an id alone leads to its partition.
 */
import { hash } from 'node:crypto'
import { customAlphabet } from 'nanoid'

/** The base64url alphabet, in its order. */
export const URL_SAFE = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Characters of a grant or session id behind its tag: 96 random bits. */
export const LOCAL_ID_LENGTH = 16

/** Characters of a token hash: 132 bits of its SHA-256. */
export const TOKEN_HASH_LENGTH = 22

/** Most partitions an installation may have; two characters must be able to name them. */
export const MAX_PARTITIONS = 4096

declare const brand: unique symbol

/** A value that must not be used where another brand is due. Literals and texts from records have no brand. */
type Brand<Value, Name extends string> = Value & { readonly [brand]?: Name }

/** Number of a partition. */
export type PartitionNumber = Brand<number, 'PartitionNumber'>

/** Id of a grant or session inside its partition; '' for none. */
export type LocalId = Brand<string, 'LocalId'>

/** Truncated SHA-256 of a token, the only form in which a token reaches Redis; '' for none. */
export type TokenHash = Brand<string, 'TokenHash'>

/** Id of a grant, session or token as the outside sees it: the tag, then a local id, a token hash, or both. */
export type PublicId = Brand<string, 'PublicId'>

const randomLocalId = customAlphabet(URL_SAFE, LOCAL_ID_LENGTH)

/** A parsed id of a grant, session or token. */
export interface LocatedId {
  readonly partition: PartitionNumber
  /** The grant or session inside its partition; '' for a token that is a grant itself. */
  readonly local: LocalId
  /** Hash of the token; '' for a grant or session. */
  readonly hash: TokenHash
}

/** Public ids of a token. */
export interface TokenIds {
  /** Of the access token itself; meaningless for a refresh token. */
  readonly jti: PublicId
  /** A token that is a grant itself lends the grant its id. */
  readonly grantId: PublicId
}

/** The fixed set of partitions of an installation. */
export interface Partitions {
  readonly count: number
  /** Their numbers, in order. */
  readonly all: readonly PartitionNumber[]
  /** Partition of a subject (RFC 7662 `sub`). */
  of(sub: string): PartitionNumber
  /** Hash tag of a partition. */
  tag(partition: PartitionNumber): string
  /** A new random local id for a grant or session. */
  newLocalId(): LocalId
  /** The public id of a grant or session. */
  toPublicId(partition: PartitionNumber, local: LocalId): PublicId
  /** The public ids of a token. */
  idsOf(token: { partition: PartitionNumber; grant: LocalId; hash: TokenHash }): TokenIds
  /** Parses a public id; `undefined` for anything that cannot be one. */
  parsePublicId(id: string): LocatedId | undefined
}

/**
 * @param count a power of two between 1 and 4096, the same for the life of the installation
 * @throws {RangeError} for any other count
 */
export function createPartitions(count: number): Partitions {
  if (
    !Number.isInteger(count) ||
    count < 1 ||
    count > MAX_PARTITIONS ||
    (count & (count - 1)) !== 0
  ) {
    throw new RangeError(`"partitions" must be a power of two between 1 and ${MAX_PARTITIONS}`)
  }
  const tagLength = count <= URL_SAFE.length ? 1 : 2
  const tags = Array.from({ length: count }, (_, partition) => tagOf(partition, tagLength))
  const numbers = new Map(tags.map((tag, partition) => [tag, partition]))
  const publicId = new RegExp(
    `^([A-Za-z0-9_-]{${tagLength}})([A-Za-z0-9_-]{${LOCAL_ID_LENGTH}})?([A-Za-z0-9_-]{${TOKEN_HASH_LENGTH}})?$`,
  )

  return {
    count,
    all: tags.map((_, partition) => partition),
    of: (sub) => Number.parseInt(hash('sha256', sub, 'hex').slice(0, 8), 16) & (count - 1),
    tag: (partition) => tags[partition] as string,
    newLocalId: () => randomLocalId(),
    toPublicId: (partition, local) => tags[partition] + local,
    idsOf({ partition, grant, hash }) {
      const tag = tags[partition] as string
      const jti = tag + grant + hash
      return { jti, grantId: grant === '' ? jti : tag + grant }
    },
    parsePublicId(id) {
      const [, tag = '', local = '', hash = ''] = publicId.exec(id) ?? []
      const partition = numbers.get(tag)
      if (partition === undefined || local + hash === '') return undefined
      return { partition, local, hash }
    },
  }
}

function tagOf(partition: number, length: number): string {
  const low = URL_SAFE[partition % URL_SAFE.length] as string
  return length === 1 ? low : (URL_SAFE[Math.floor(partition / URL_SAFE.length)] as string) + low
}
