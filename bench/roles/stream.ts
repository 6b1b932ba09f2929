/** Assignments in any number, as an operator sends them: one NDJSON stream over HTTP, read and answered as it goes. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Installation } from '../installation.ts'
import { cpuMicroseconds } from '../machine.ts'

/** What to send. */
export interface AssignmentStream {
  readonly authorization: string
  readonly lines: number
  /** A line without its end. */
  readonly lineOf: (n: number) => string
  /** What must become of every line. */
  readonly outcome: 'assigned' | 'unchanged'
}

/** What it took. */
export interface Streamed {
  readonly seconds: number
  /** Processor time of the issuer and of Redis, in seconds. */
  readonly issuerCpu: number
  readonly redisCpu: number
}

const LINES_AT_ONCE = 1_000

/** Sends everything. @throws {Error} unless that became of every line */
export async function streamAssignments(
  { issuer, issuerUrl, redisPid }: Installation,
  { authorization, lines, lineOf, outcome }: AssignmentStream,
): Promise<Streamed> {
  const [issuerPid] = issuer.pids
  const cpu = () => [issuerPid as number, redisPid].map((pid) => cpuMicroseconds(pid) ?? Number.NaN)
  const before = cpu()
  const startedAt = performance.now()
  const sent = request(`${issuerUrl}/admin/v1/role-assignments`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/x-ndjson' },
  })
  const responded = once(sent, 'response') as Promise<[IncomingMessage]>
  const [last] = await Promise.all([
    responded.then(([response]) => lastLine(response)),
    pipeline(Readable.from(partsOf(lines, lineOf)), sent),
  ])
  const seconds = (performance.now() - startedAt) / 1_000
  const told = JSON.parse(last) as Readonly<Record<string, unknown>>
  if (told.done !== true || told[outcome] !== lines) throw new Error(`not all applied: ${last}`)
  const [issuerCpu, redisCpu] = cpu().map((us, n) => (us - (before[n] as number)) / 1e6)
  return { seconds, issuerCpu: issuerCpu as number, redisCpu: redisCpu as number }
}

function* partsOf(lines: number, lineOf: (n: number) => string): Generator<Buffer> {
  for (let from = 0; from < lines; from += LINES_AT_ONCE) {
    let part = ''
    for (let n = from; n < Math.min(lines, from + LINES_AT_ONCE); n++) part += `${lineOf(n)}\n`
    yield Buffer.from(part)
  }
}

async function lastLine(answer: IncomingMessage): Promise<string> {
  let last = ''
  for await (const line of createInterface({ input: answer })) last = line
  return last
}
