/** Ids that must not be confused: one used where another is due does not compile. */
import type { PartitionKeys } from '../../store/keys.ts'
import type { ParsedToken } from '../../store/mint/token.ts'
import type { Partitions } from '../../store/partitions.ts'
import type { RevocationTarget } from '../../store/revocations/target.ts'

/** Never run. */
export function typesOfIds(partitions: Partitions, at: PartitionKeys, token: ParsedToken): void {
  const { partition, grant, hash } = token
  const { jti, grantId } = partitions.idsOf(token)
  at.grant(grant)
  at.token(hash)
  partitions.toPublicId(partition, grant)
  const targets: RevocationTarget[] = [{ level: 'grant', grantId }]

  // @ts-expect-error a public id is not the id inside the partition
  at.grant(grantId)
  // @ts-expect-error nor is a token hash
  at.session(hash)
  // @ts-expect-error a public id is not a token hash
  at.cutoff.token(jti)
  // @ts-expect-error a public id has its tag already
  partitions.toPublicId(partition, grantId)
  // @ts-expect-error the outside names grants by their public ids
  targets.push({ level: 'grant', grantId: grant })
}
