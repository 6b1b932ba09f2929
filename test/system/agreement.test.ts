/**
 * Random interleavings of all operations that change whether tokens are active, by several actors at once on two issuers,
 * asked at two introspection nodes, compared with a naive model: once a revocation has returned, no node says active (P1), the
 * nodes agree whenever no operation is under way, and nothing else is ever revoked. A failure prints its seed.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../store/store.ts'
import { type OwnInstallation, startInstallation } from '../fixture/installation.ts'
import { createActors } from './lattice-actors.ts'
import { phases } from './lattice-steps.ts'

const RUNS = 80
const TIME_LIMIT_MS = 25_000

describe('two introspection nodes', () => {
  let installation: OwnInstallation
  let issuers: readonly Store[]
  let readers: readonly Store[]

  beforeAll(async () => {
    installation = await startInstallation({ selfResources: ['urn:test'] })
    const { store, open } = installation
    issuers = [store, await open()]
    readers = [await open({ mints: false }), await open({ mints: false })]
  })

  afterAll(() => installation.close())

  const redisTime = async () => {
    const [seconds, microseconds] = await installation.server.direct.time()
    return Number(seconds) + Number(microseconds) / 1e6
  }

  it('agree with each other and with the model, whatever happens at once', async () => {
    let run = 0
    let issued = 0
    const property = fc.asyncProperty(phases, async (script) => {
      const actors = await createActors({ issuers, readers, run: `r${run++}`, redisTime })
      for (const phase of script) {
        await Promise.all(
          phase.map(async (steps, n) => {
            const store = issuers[n % issuers.length] as Store
            for (const next of steps) await actors.take(next, store)
          }),
        )
        await actors.settle()
      }
      await actors.reopen()
      await actors.settle()
      issued += actors.issuedTokens()
      expect(actors.complaints).toEqual([])
    })
    // No shrinking: the same steps interleave differently each time, so a smaller script proves nothing.
    await fc.assert(property, {
      numRuns: RUNS,
      endOnFailure: true,
      interruptAfterTimeLimit: TIME_LIMIT_MS,
    })
    expect(issued).toBeGreaterThan(RUNS)
  })
})
