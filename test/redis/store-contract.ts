/**
 * What the store promises on every topology: one suite, run on a single server and on a Cluster. It meets every code path and
 * every return code of the scripts, on real servers.
 */
import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import {
  type Installation,
  openInstallation,
  type RedisUnderTest,
} from '../fixture/installation.ts'
import { settleClocks } from './actions.ts'
import { assignmentsContract } from './contract/assignments.ts'
import { auditContract } from './contract/audit.ts'
import { clientsContract } from './contract/clients.ts'
import { exchangeContract } from './contract/exchange.ts'
import { explainContract } from './contract/explain.ts'
import { forecastContract } from './contract/forecast.ts'
import { introspectContract } from './contract/introspect.ts'
import { issueContract } from './contract/issue.ts'
import { loadsContract } from './contract/loads.ts'
import { logContract } from './contract/log.ts'
import { pinContract } from './contract/pin.ts'
import { readLogContract } from './contract/read-log.ts'
import { refreshContract } from './contract/refresh.ts'
import { resolvingContract } from './contract/resolving.ts'
import { revokeContract } from './contract/revoke.ts'
import { revokeSpanContract } from './contract/revoke-span.ts'
import { roleSchemaContract } from './contract/role-schema.ts'
import { subjectsContract } from './contract/subjects.ts'

/** @param open starts an empty Redis; it is stopped when the suite is over */
export function storeContract(topology: string, open: () => Promise<RedisUnderTest>): void {
  describe(`the store on ${topology}`, () => {
    let redis: RedisUnderTest | undefined
    let installation: Installation | undefined

    beforeAll(async () => {
      redis = await open()
      installation = await openInstallation(redis)
    })

    afterAll(async () => {
      await installation?.close()
      await redis?.stop()
    })

    const at = (): Installation => installation as Installation
    afterEach(() => settleClocks(at()))

    pinContract(at)
    // First, because it counts everything, and later suites leave grants with times in the future.
    forecastContract(at)
    issueContract(at)
    introspectContract(at)
    refreshContract(at)
    revokeContract(at)
    revokeSpanContract(at)
    clientsContract(at)
    subjectsContract(at)
    logContract(at)
    readLogContract(at)
    roleSchemaContract(at)
    assignmentsContract(at)
    resolvingContract(at)
    exchangeContract(at)
    explainContract(at)
    loadsContract(at)
    auditContract(at)
  })
}
