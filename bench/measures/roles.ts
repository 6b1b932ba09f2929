/**
 * What a role costs somebody who holds a million of them, beside somebody who holds one: to ask about, to give and to take
 * away; and how fast roles are given.
 */
import { startInstallation } from '../installation.ts'
import { startLoader } from '../load.ts'
import type { Bench, Finding, Measure } from '../measure.ts'
import { timeAlone } from '../roles/alone.ts'
import { loadChecks } from '../roles/checks.ts'
import { measureGiving } from '../roles/giving.ts'
import { createHolders, type Holder } from '../roles/holders.ts'
import { authorizeOperator } from '../roles/operator.ts'
import { settled, usedBytes } from '../roles/redis-bytes.ts'

const FULL = {
  held: [1, 1_000, 1_000_000],
  checks: { connections: 64, rounds: 4, seconds: 0.8 },
  alone: { rounds: 5, calls: 300 },
  giving: { rounds: 3, seconds: 0.4 },
}
const QUICK: typeof FULL = {
  held: [1, 1_000, 10_000],
  checks: { connections: 64, rounds: 2, seconds: 0.2 },
  alone: { rounds: 2, calls: 60 },
  giving: { rounds: 1, seconds: 0.1 },
}

/** The measure. */
export const roles: Measure = {
  name: 'roles',
  title: 'Roles, held by the million',
  run,
}

async function run({ isQuick, machine, step }: Bench): Promise<Finding> {
  const size = isQuick ? QUICK : FULL
  const most = Math.max(...size.held)
  step('starting')
  const ours = await startInstallation(machine, { withIssuer: true })
  const loader = startLoader(machine)
  try {
    const authorization = await authorizeOperator(ours)
    const before = await usedBytes(ours)
    step(`giving somebody ${most.toLocaleString('en')} roles`)
    const holders = await createHolders(ours, authorization, size.held)
    const bytes = (await usedBytes(ours)) - before
    await settled(ours)
    const checks = await loadChecks(ours, loader, { holders, ...size.checks }, step)
    const [one, some, million] = holders as readonly [Holder, Holder, Holder]
    const alone = await timeAlone(ours, { holders: [one, some, million], ...size.alone }, step)
    const giving = await measureGiving(ours, loader, { authorization, ...size.giving }, step)
    const each = bytes / size.held.reduce((sum, held) => sum + held, 0)
    return {
      tables: [checks.table, alone, giving],
      notes: [
        'What is asked about is drawn at random from what is held, and every answer must hold the role. Where no context is asked for, an answer tells of all, but of none if there are more than 100.',
        `A role of somebody who holds ${most.toLocaleString('en')} takes ${Math.round(each)} bytes of Redis, in all orders together, without the log.`,
        'The target is the ratio of the median latencies of POST /introspect with one context, million beside one, round by round. Redis has each change on the disk before it is answered.',
      ],
      ...(isQuick ? {} : { reached: { millionRoles: checks.lastBesideFirst.median } }),
    }
  } finally {
    await loader.stop()
    await ours.stop()
  }
}
