/**
 * A Redis that is killed among many changes: after its restart the orders of the assignments agree, nothing that was
 * acknowledged is missing, and a repeat completes the rest.
 */
import { expect, it, onTestFinished } from 'vitest'
import type { AssignmentCursor, HolderCursor } from '../../store/roles/assignments.ts'
import { startInstallation } from '../fixture/installation.ts'
import { waitFor } from '../fixture/wait-for.ts'
import { orderDisagreements } from '../property/roles-orders.ts'
import { pagesOf } from '../property/roles-run.ts'
import { newSub } from './actions.ts'

const SUBJECTS = 20
const CHANGES_OF_EACH = 2_000
const ACKNOWLEDGED_BEFORE_THE_KILL = 1_000
const CONTEXT = 'course:crash'
const FAR_AHEAD_S = 86_400

it('killed among changes leaves no order behind another, and a repeat completes them', async () => {
  const installation = await startInstallation({}, '--appendonly', 'yes')
  onTestFinished(installation.close)
  const { server } = installation
  const { assignments, roleSchemas } = installation.store
  const ROLE = { permissions: [], assumable: [] }
  await roleSchemas.put({ student: ROLE })
  const ends = Math.floor(Date.now() / 1_000) + FAR_AHEAD_S
  const changesOf = (sub: string) =>
    Array.from({ length: CHANGES_OF_EACH }, (_, n) => ({
      op: 'assign' as const,
      sub,
      context: n === 0 ? CONTEXT : `course:${n}`,
      role: 'student',
      ...(n % 2 === 0 ? {} : { expiresAt: ends }),
    }))
  const subs = Array.from({ length: SUBJECTS }, newSub)
  const acknowledged: string[] = []
  const writing = subs.map(async (sub) => {
    for (const change of changesOf(sub)) {
      await assignments.apply([change])
      acknowledged.push(`${sub} ${change.context}`)
    }
  })
  const settled = Promise.allSettled(writing)
  await waitFor(() => acknowledged.length >= ACKNOWLEDGED_BEFORE_THE_KILL)
  await server.kill()
  const isCutShort = (await settled).some(({ status }) => status === 'rejected')
  expect(isCutShort).toBe(true)
  await server.start()
  await waitFor(() => roleSchemas.get())
  expect(await orderDisagreements(installation)).toEqual([])

  const heldBy = async (sub: string) => {
    const held = await pagesOf((cursor?: AssignmentCursor) =>
      assignments.ofSubject(sub, { any: true }, { size: 500, cursor }),
    )
    return held.map(({ context }) => `${sub} ${context}`)
  }
  const held = new Set((await Promise.all(subs.map(heldBy))).flat())
  expect(acknowledged.filter((name) => !held.has(name))).toEqual([])

  await Promise.all(subs.map((sub) => assignments.apply(changesOf(sub))))
  for (const sub of subs) expect(await heldBy(sub)).toHaveLength(CHANGES_OF_EACH)
  const holders = await pagesOf((cursor?: HolderCursor) =>
    assignments.inContext(CONTEXT, { size: 7, cursor }),
  )
  expect(holders.map(({ sub }) => sub).sort()).toEqual(subs.toSorted())
  expect(await orderDisagreements(installation)).toEqual([])
})
