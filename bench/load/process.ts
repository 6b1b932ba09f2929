/**
 * The load process: as many requests as the server answers, or so many a second, which fall due once a millisecond. In the
 * second case the time of an answer counts from when its request was due, whether a connection was free then or not, so that a
 * server that stops for a moment cannot hide what waited meanwhile.
 */
import { createHistogram } from 'node:perf_hooks'
import { type AnswerRules, type LoadConnection, openConnection } from './connection.ts'
import type { LoadPlan, LoadResult } from './plan.ts'

async function run(plan: LoadPlan): Promise<LoadResult> {
  const { host, ports, connections, requests, seconds, rate } = plan
  const { count = Number.POSITIVE_INFINITY } = plan
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

  const send = (connection: LoadConnection, due: number): void => {
    dueAt.set(connection, due)
    connection.send(texts[next++ % texts.length] as Buffer)
    if (next === count) isOver = true
  }
  const rules: AnswerRules = {
    expect: Buffer.from(plan.expect),
    status: Buffer.from(String(plan.status)),
    onAnswer(connection) {
      const now = performance.now()
      histogram.record(Math.max(1, Math.round((now - (dueAt.get(connection) as number)) * 1_000)))
      answered++
      const due = rate === undefined ? now : waiting.shift()
      if (!isOver && due !== undefined) send(connection, due)
      else {
        idle.push(connection)
        if (isOver && idle.length === connections) resolve()
      }
    },
    onFailure: reject,
  }
  const opened = await Promise.all(
    Array.from({ length: connections }, (_, n) =>
      openConnection(host, ports[n % ports.length] as number, rules),
    ),
  )
  idle.push(...opened)
  const startedAt = performance.now()
  const cpuBefore = process.cpuUsage()
  const end = setTimeout(() => {
    isOver = true
    if (idle.length === connections) resolve()
  }, seconds * 1_000)

  if (rate === undefined) for (const connection of idle.splice(0)) send(connection, startedAt)
  else {
    const requestsPerMs = rate / 1_000
    let sent = 0
    // By a timer: a loop that looks at the clock all the time would take the core from Redis where they share one.
    const tick = (): void => {
      if (isOver) return
      const now = performance.now()
      for (; sent < (now - startedAt) * requestsPerMs; sent++) {
        const connection = idle.pop()
        if (connection === undefined) waiting.push(now)
        else send(connection, now)
      }
      setTimeout(tick, 1)
    }
    tick()
  }
  await Promise.race([done, failed])
  clearTimeout(end)
  const took = (performance.now() - startedAt) / 1_000
  const cpu = process.cpuUsage(cpuBefore)
  for (const { socket } of opened) {
    socket.removeAllListeners('close')
    socket.destroy()
  }
  return {
    answered,
    seconds: took,
    p50: histogram.percentile(50),
    p99: histogram.percentile(99),
    cpuUs: cpu.user + cpu.system,
  }
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
