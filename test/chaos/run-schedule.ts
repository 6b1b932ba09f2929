/**
 * One schedule from start to end: new clients, a workload, faults, and a check of the final state. The checker sees every
 * decision; after the faults everything must work as if nothing had happened.
 */

import { waitFor } from '../fixture/wait-for.ts'
import { GRADES } from '../fixture/world.ts'
import { type ChaosClient, startChaosClient } from './chaos-client.ts'
import type { ChaosWorld } from './chaos-world.ts'
import { type Checker, createChecker } from './checker.ts'
import { runFaults } from './faults.ts'
import { createRandom } from './random.ts'
import { describeSchedule, planSchedule, type Schedule } from './schedule.ts'
import { decide, startWorkload } from './workload.ts'

/** The result of a schedule. */
export interface ScheduleReport {
  readonly schedule: Schedule
  readonly tokens: number
  readonly voided: number
  /** Number of decisions by outcome, such as `accepted cache`. */
  readonly counts: ReadonlyMap<string, number>
  readonly worstOfBound: number
  /** From the end of the last fault until everything worked again. */
  readonly calmMs: number
}

const SUBJECTS = 12
const APPLICATIONS = 3

/**
 * Runs the schedule of a seed.
 *
 * @throws {Error} that shows the schedule and what was wrong
 */
export async function runSchedule(world: ChaosWorld, seed: number): Promise<ScheduleReport> {
  const schedule = planSchedule(seed)
  const random = createRandom(seed ^ 0x5eed)
  const checker = createChecker()
  const clients: ChaosClient[] = []
  const place = { services: world, nodes: world.nodes, resourceServer: world.grades }
  try {
    for (let n = 0; n < schedule.clients; n++) {
      clients.push(await startChaosClient(`client ${n}`, place, random.fork()))
    }
    await everyoneFresh(clients)
    const workload = await startWorkload({
      services: world,
      checker,
      clients,
      applications: await registerApplications(world, seed),
      subjects: Array.from({ length: SUBJECTS }, (_, n) => `s${seed}-${n}`),
      random,
    })
    try {
      await runFaults({ world, clients }, schedule.faults)
    } finally {
      await workload.stop()
    }
    const healedAt = performance.now()
    await calm(world, checker, clients)
    assertNothingWrong(checker)
    return {
      schedule,
      tokens: checker.tokens.length,
      voided: checker.tokens.filter(({ voidAt }) => voidAt !== undefined).length,
      counts: checker.counts,
      worstOfBound: checker.worstOfBound,
      calmMs: performance.now() - healedAt,
    }
  } catch (error) {
    throw new Error(await failure(schedule, checker, clients, world), { cause: error })
  } finally {
    await Promise.all(clients.map(({ close }) => close()))
  }
}

async function registerApplications(world: ChaosWorld, seed: number): Promise<string[]> {
  const names = Array.from({ length: APPLICATIONS }, (_, n) => `app-${seed}-${n}`)
  for (const name of names) {
    await world.callAdmin('PUT', `/clients/${name}`, {
      default_resources: [GRADES],
    })
  }
  return names
}

function everyoneFresh(clients: readonly ChaosClient[]): Promise<boolean> {
  return waitFor(() => clients.every(({ client }) => client.health().state === 'fresh'))
}

/** Every good token passes at every client, from its cache; every void one is refused. */
async function calm(
  { renewAdminToken }: ChaosWorld,
  checker: Checker,
  clients: readonly ChaosClient[],
): Promise<void> {
  await waitFor(async () => {
    await renewAdminToken()
    return true
  })
  await everyoneFresh(clients)
  await Promise.all(
    clients.map(async (client) => {
      for (const token of checker.tokens) {
        const isGood = !token.isSuspect
        if (!isGood && token.voidAt === undefined) continue
        await waitFor(async () => {
          const { verdict, source } = await decide(checker, client, token, 'bounded')
          if (checker.violations.length > 0) throw new Error('something was wrong')
          return isGood ? verdict === 'accepted' && source === 'cache' : verdict === 'void'
        })
      }
    }),
  )
  await everyoneFresh(clients)
}

function assertNothingWrong({ violations }: Checker): void {
  if (violations.length > 0) throw new Error(violations[0])
}

async function failure(
  schedule: Schedule,
  { violations, tokens }: Checker,
  clients: readonly ChaosClient[],
  { nodes }: ChaosWorld,
): Promise<string> {
  const states = clients.map(({ name, client }) => {
    const { state, stalenessMs, lastProblem, counts } = client.health()
    return `${name}: ${JSON.stringify({ state, stalenessMs, lastProblem, counts })}`
  })
  const lastLines = nodes.map(
    ({ output }, n) => `node ${n}:\n${output().split('\n').slice(-8).join('\n')}`,
  )
  return [
    `replay with CLAIMCHECK_TEST_CHAOS_SEED=${schedule.seed}`,
    describeSchedule(schedule),
    `${tokens.length} tokens; violations:`,
    ...violations,
    ...states,
    ...lastLines,
  ].join('\n')
}
