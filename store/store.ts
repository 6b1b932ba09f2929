/** The store: everything the services keep in Redis, behind functions about tokens, grants and subjects. */

import { type Audit, createAudit } from './audit.ts'
import { type ChangeLog, createChangeLog } from './change-log.ts'
import type { StoreContext } from './context.ts'
import { createTokenExchanger, type TokenExchanger } from './grants/exchange.ts'
import { createTokenExplainer, type TokenExplainer } from './grants/explain.ts'
import { createTokenReader, type TokenReader } from './grants/introspect.ts'
import { createTokenIssuer, type TokenIssuer } from './grants/issue.ts'
import { createLiveGrants, type LiveGrants } from './grants/live-grants.ts'
import { createTokenLocator, type LocateToken } from './grants/locate-token.ts'
import { createGrantRefresher, type GrantRefresher } from './grants/refresh.ts'
import { pinInstallation, registerTokenKeys } from './installation.ts'
import { createKeys } from './keys.ts'
import { createTokenKeyRing, type TokenKeySecret } from './mint/key-ring.ts'
import { createTokenMint, type ParsedToken } from './mint/token.ts'
import { createPartitions, type TokenIds } from './partitions.ts'
import { type ConnectionOptions, connectRedis } from './redis/connection.ts'
import { readRecord } from './redis/read-record.ts'
import { databaseOf } from './redis/redis-url.ts'
import { createScriptRunner } from './redis/script-runner.ts'
import { createSubscriptionOpener } from './redis/subscription.ts'
import { type AuthFailures, createAuthFailures } from './registry/auth-failures.ts'
import { type ClientRegistry, createClientRegistry } from './registry/clients.ts'
import { createSubjectLoads, type SubjectLoads } from './registry/subject-loads.ts'
import { createSubjects, type Subjects } from './registry/subjects.ts'
import { createRestorer, type RestoreRevocation } from './revocations/restore.ts'
import { createRevocations, type Revocations } from './revocations/revoke.ts'
import { type Assignments, createAssignments } from './roles/assignments.ts'
import { createSubjectRoleReader, type SubjectRoleReader } from './roles/of-subject.ts'
import { createRoleSchemas, type RoleSchemas } from './roles/role-schema.ts'

/** How to open a store. */
export interface StoreOptions extends ConnectionOptions {
  readonly prefix: string
  /** Number of partitions; a power of two, fixed at the first start of an installation. */
  readonly partitions: number
  readonly tokenKeys: readonly TokenKeySecret[]
  /** Whether this process mints: then its token keys become the ones in use. */
  readonly mints: boolean
  /** Resources that need no registered resource server: the issuer itself. */
  readonly selfResources: readonly string[]
  /** How long events stay in the log, in milliseconds. Default is 600000 (10 minutes). */
  readonly logRetentionMs?: number
  /** How long a retry of a refresh gets the same successor, in milliseconds. Default is 10000. */
  readonly refreshGraceMs?: number
  /** How long records stay in the audit, in milliseconds. Default is 90 days. */
  readonly auditRetentionMs?: number
}

/** Whether the store can answer, as a probe reports it. */
interface StoreReadiness {
  readonly ready: boolean
  readonly checks: { readonly redis: 'ok' | 'unreachable' }
}

/** An open store. */
export interface Store {
  readonly tokens: TokenReader & TokenIssuer & TokenExchanger & TokenExplainer
  readonly grants: GrantRefresher
  readonly revocations: Revocations
  readonly clients: ClientRegistry
  readonly subjects: Subjects
  readonly liveGrants: LiveGrants
  readonly subjectLoads: SubjectLoads
  readonly assignments: Assignments
  readonly roleSchemas: RoleSchemas
  readonly roles: SubjectRoleReader
  readonly failures: AuthFailures
  readonly audit: Audit
  /** Every change of what tokens resolve to. */
  readonly log: ChangeLog
  readonly restore: RestoreRevocation
  readonly locate: LocateToken
  /** Id of the key this process mints with, and of the one that issuers minted with when it started. */
  readonly tokenKeys: { readonly minting: string; readonly mintedBefore: string | undefined }
  /** The public ids a token goes by. */
  idsOf(token: ParsedToken): TokenIds
  /** Whether every primary answers. Takes no longer than one command may. */
  readiness(): Promise<StoreReadiness>
  close(): Promise<void>
}

const DEFAULT_LOG_RETENTION_MS = 600_000
const DEFAULT_REFRESH_GRACE_MS = 10_000
const DEFAULT_AUDIT_RETENTION_MS = 90 * 86_400_000

/**
 * Connects, and pins or checks the installation.
 *
 * @throws {StoreUnavailableError} when Redis cannot be reached; try again
 * @throws {StoreMismatchError} when the installation has other settings; trying again does not help
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const partitions = createPartitions(options.partitions)
  const tokenKeys = createTokenKeyRing(options.tokenKeys)
  const redis = await connectRedis(options)
  const run = createScriptRunner(redis)
  let mintedBefore: string | undefined
  try {
    await pinInstallation(run, { prefix: options.prefix, partitions: partitions.count })
    mintedBefore = await registerTokenKeys(run, tokenKeys, options.mints)
  } catch (error) {
    redis.disconnect()
    throw error
  }
  const context: StoreContext = {
    redis,
    run,
    keys: createKeys(options.prefix, partitions, databaseOf(options.url)),
    partitions,
    tokenKeys,
    mint: createTokenMint(tokenKeys, partitions),
    logRetentionMs: options.logRetentionMs ?? DEFAULT_LOG_RETENTION_MS,
    refreshGraceMs: options.refreshGraceMs ?? DEFAULT_REFRESH_GRACE_MS,
    auditRetentionMs: options.auditRetentionMs ?? DEFAULT_AUDIT_RETENTION_MS,
  }
  const liveGrants = createLiveGrants(context)
  const locate = createTokenLocator(context)
  const roleSchemas = createRoleSchemas(context)
  return {
    tokens: {
      ...createTokenReader(context, locate, roleSchemas),
      ...createTokenExchanger(context),
      ...createTokenExplainer(context, locate),
      ...createTokenIssuer(context, options.selfResources),
    },
    grants: createGrantRefresher(context),
    revocations: createRevocations(context, liveGrants),
    clients: createClientRegistry(context),
    subjects: createSubjects(context),
    liveGrants,
    subjectLoads: createSubjectLoads(context),
    assignments: createAssignments(context),
    roleSchemas,
    roles: createSubjectRoleReader(context, roleSchemas),
    failures: createAuthFailures(redis, context.keys),
    audit: createAudit(context),
    log: createChangeLog(context, createSubscriptionOpener(options)),
    restore: createRestorer(context),
    locate,
    tokenKeys: { minting: tokenKeys.minting.id, mintedBefore },
    idsOf: (token) => partitions.idsOf(token),
    // One key in each partition: on a Cluster every primary that holds one must answer.
    async readiness() {
      const answers = await Promise.allSettled(
        partitions.all.map((partition) =>
          readRecord(run, context.keys.partition(partition).head, 'seq'),
        ),
      )
      const ready = answers.every(({ status }) => status === 'fulfilled')
      return { ready, checks: { redis: ready ? 'ok' : 'unreachable' } }
    },
    async close() {
      redis.disconnect()
    },
  }
}
