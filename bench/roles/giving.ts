/** How fast roles are given: over HTTP as JSON, and by the store alone; one change a call and a hundred. */
import type { Store } from '../../store/store.ts'
import { figureOf } from '../figure.ts'
import type { Installation } from '../installation.ts'
import { type Loader, postRequest } from '../load.ts'
import type { Row, Table } from '../measure.ts'
import { interleave } from '../rounds.ts'
import { loadServed } from '../served.ts'
import { latencyOf, timeOf } from './calls.ts'
import { changeText, contextOf, ROLE, subjectOf } from './names.ts'

/** How much to measure. */
export interface GivingPlan {
  readonly authorization: string
  readonly rounds: number
  readonly seconds: number
}

/** One way of giving them. */
interface Way {
  readonly name: string
  readonly changes: number
  readonly atOnce: number
}

interface Given {
  readonly callsPerSecond: number
  readonly p50: number
  readonly p99: number
  /** Processor time of a call, in microseconds, where it can be told. */
  readonly issuerCpu?: number
  readonly redisCpu?: number
}

const OVER_HTTP: readonly Way[] = [
  { name: 'HTTP, 1 change, 1 connection', changes: 1, atOnce: 1 },
  { name: 'HTTP, 1 change, 64 connections', changes: 1, atOnce: 64 },
  { name: 'HTTP, 100 changes, 1 connection', changes: 100, atOnce: 1 },
  { name: 'HTTP, 100 changes, 16 connections', changes: 100, atOnce: 16 },
]
const BY_STORE: readonly Way[] = [
  { name: 'store, 1 change, 64 calls at once', changes: 1, atOnce: 64 },
  { name: 'store, 100 changes, 16 calls at once', changes: 100, atOnce: 16 },
]
/** Changes prepared for a stretch; it ends when they are given, if that is sooner. */
const PREPARED = 20_000

/** Gives roles in each way. */
export async function measureGiving(
  ours: Installation,
  loader: Loader,
  { authorization, rounds, seconds }: GivingPlan,
  tell: (text: string) => void,
): Promise<Table> {
  // No two stretches are about the same contexts: nothing is given that is held already.
  let contexts = 0
  const contenders = [
    ...OVER_HTTP.map((way) => ({
      name: way.name,
      async sample(): Promise<Given> {
        const requests = requestsOf(way, authorization, contexts)
        contexts += PREPARED
        const expect = `"assigned":${way.changes},"removed":0,"unchanged":0,"failed":0`
        const load = { connections: way.atOnce, requests, count: requests.length, seconds }
        const stretch = { ...load, expect, status: 200 }
        const { perSecond, p50, p99, cpu, redisCpu } = await loadServed(
          ours,
          loader,
          ours.issuer,
          stretch,
        )
        return { callsPerSecond: perSecond, p50, p99, issuerCpu: cpu, redisCpu }
      },
    })),
    ...BY_STORE.map((way) => ({
      name: way.name,
      sample: () => giveByStore(ours.store, way, seconds, () => contextOf(contexts++)),
    })),
  ]
  const samples = await interleave(rounds, contenders, tell)
  return {
    title: 'Giving roles, to a hundred subjects in one context with 100 changes',
    columns: [
      'changes/s',
      'p50 of a call, µs',
      'p99, µs',
      'CPU of the issuer, µs a call',
      'CPU of Redis, µs a call',
    ],
    rows: [...OVER_HTTP, ...BY_STORE].map((way) =>
      rowOf(way, samples[way.name] as readonly Given[]),
    ),
  }
}

function rowOf({ name, changes }: Way, given: readonly Given[]): Row {
  const cell = (values: readonly (number | undefined)[]) => {
    const known = values.filter((value) => value !== undefined)
    return known.length === 0 ? '' : figureOf(known)
  }
  return {
    name,
    cells: [
      cell(given.map(({ callsPerSecond }) => callsPerSecond * changes)),
      cell(given.map(({ p50 }) => p50)),
      cell(given.map(({ p99 }) => p99)),
      cell(given.map(({ issuerCpu }) => issuerCpu)),
      cell(given.map(({ redisCpu }) => redisCpu)),
    ],
  }
}

function requestsOf({ changes }: Way, authorization: string, firstContext: number) {
  return Array.from({ length: PREPARED / changes }, (_, n) => {
    const context = contextOf(firstContext + n)
    const texts = Array.from({ length: changes }, (_, k) =>
      changeText('assign', subjectFor(changes, n, k), context),
    )
    return postRequest('/admin/v1/role-assignments', authorization, `[${texts.join(',')}]`)
  })
}

/** A change alone is about somebody else each time; a hundred about the same hundred. */
function subjectFor(changes: number, call: number, change: number): string {
  return subjectOf(changes === 1 ? call : change)
}

async function giveByStore(
  { assignments }: Store,
  { changes, atOnce }: Way,
  seconds: number,
  nextContext: () => string,
): Promise<Given> {
  const times: number[] = []
  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1_000
  async function give(): Promise<void> {
    while (performance.now() < endsAt) {
      const context = nextContext()
      const call = times.length
      const given = Array.from({ length: changes }, (_, k) => ({
        op: 'assign' as const,
        sub: subjectFor(changes, call % PREPARED, k),
        context,
        role: ROLE,
      }))
      let isGiven = false
      const us = await timeOf(async () => {
        const outcomes = await assignments.apply(given)
        isGiven = outcomes.every((outcome) => outcome === 'assigned')
      })
      if (!isGiven) throw new Error('the store did not give what it was told to')
      times.push(us)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, give))
  const took = (performance.now() - startedAt) / 1_000
  return { callsPerSecond: times.length / took, ...latencyOf(times) }
}
