/**
 * The load process. Without a rate it sends as many requests as the server answers. With a rate, requests fall due once a
 * millisecond, and the time of an answer counts from when its request was due, whether a connection was free or not: a server
 * that stops for a moment cannot hide what waited in the meantime.
 */
import { createHistogram } from 'node:perf_hooks'
import { type AnswerRules, type LoadConnection, openConnection } from './load-connection.ts'

/** A stretch of load. */
export interface LoadPlan {
  readonly port: number
  readonly connections: number
  /** Whole requests, head and body; sent in turn, and again from the first. */
  readonly requests: readonly string[]
  readonly seconds: number
  /** Ends the stretch after so many requests, if that is sooner; at least as many as connections. */
  readonly count?: number
  /** Requests a second; absent means as many as possible. */
  readonly rate?: number
  /** A text in every answer. */
  readonly expect: string
  readonly status: number
}

/** The result. Times in microseconds. */
export interface LoadResult {
  readonly answered: number
  readonly seconds: number
  readonly p50: number
  readonly p99: number
}

async function run(plan: LoadPlan): Promise<LoadResult> {
  const { port, connections, requests, seconds, rate, count = Number.POSITIVE_INFINITY } = plan
  const texts = requests.map((request) => Buffer.from(request))
  const histogram = createHistogram()
  const { promise: failed, reject } = Promise.withResolvers<never>()
  const { promise: done, resolve } = Promise.withResolvers<void>()
  const dueAt = new Map<LoadConnection, number>()
  const idle: LoadConnection[] = []
  const waiting: number[] = []
  let next = 0
  let isOver = false
  let answered = 0

  function send(connection: LoadConnection, due: number): void {
    dueAt.set(connection, due)
    connection.send(texts[next++ % texts.length] as Buffer)
    if (next === count) isOver = true
  }

  function onAnswer(connection: LoadConnection): void {
    const now = performance.now()
    histogram.record(Math.max(1, Math.round((now - (dueAt.get(connection) as number)) * 1_000)))
    answered++
    const due = rate === undefined ? now : waiting.shift()
    if (!isOver && due !== undefined) send(connection, due)
    else {
      idle.push(connection)
      if (isOver && idle.length === connections) resolve()
    }
  }

  /** Driven by a timer: a loop that watches the clock would take the core from Redis where they share one. */
  function sendAtRate(startedAt: number, perMs: number): void {
    let sent = 0
    const tick = (): void => {
      if (isOver) return
      const now = performance.now()
      for (; sent < (now - startedAt) * perMs; sent++) {
        const connection = idle.pop()
        if (connection === undefined) waiting.push(now)
        else send(connection, now)
      }
      setTimeout(tick, 1)
    }
    tick()
  }

  const expected = { expect: Buffer.from(plan.expect), status: Buffer.from(String(plan.status)) }
  const rules: AnswerRules = { ...expected, onAnswer, onFailure: reject }
  const opening = Array.from({ length: connections }, () => openConnection(port, rules))
  const opened = await Promise.all(opening)
  idle.push(...opened)
  const startedAt = performance.now()
  const end = setTimeout(() => {
    isOver = true
    if (idle.length === connections) resolve()
  }, seconds * 1_000)
  if (rate !== undefined) sendAtRate(startedAt, rate / 1_000)
  else for (const connection of idle.splice(0)) send(connection, startedAt)
  await Promise.race([done, failed])
  clearTimeout(end)
  const took = (performance.now() - startedAt) / 1_000
  for (const { socket } of opened) {
    socket.removeAllListeners('close')
    socket.destroy()
  }
  const [p50, p99] = [histogram.percentile(50), histogram.percentile(99)]
  return { answered, seconds: took, p50, p99 }
}

process.on('message', (plan: LoadPlan) => {
  run(plan).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      process.stderr.write(`load: ${error instanceof Error ? error.message : String(error)}\n`)
      process.exit(1)
    },
  )
})
process.on('disconnect', () => process.exit())
