/** Any number of assignments as an operator sends them: one NDJSON stream over HTTP, read and answered as it goes. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Installation } from '../harness/installation.ts'
import { cpuMicroseconds } from '../harness/machine.ts'
import { ROLE } from './assignment-lines.ts'

/** What it took. */
export interface Streamed {
  readonly seconds: number
  /** CPU time of the issuer and of Redis, in seconds. */
  readonly issuerCpu: number
  readonly redisCpu: number
}

const LINES_AT_ONCE = 1_000

/** Puts the role of all assignments into the schema. */
export async function defineRole({ callAdmin }: Installation): Promise<void> {
  await callAdmin('PUT', '/role-schema', { roles: { [ROLE]: { permissions: ['grade:write'] } } })
}

/** Sends so many new assignments. @throws {Error} unless all of them were applied */
export async function streamAssignments(
  { issuer, issuerUrl, redisPid, operator }: Installation,
  lines: number,
  lineAt: (n: number) => string,
): Promise<Streamed> {
  const usedCpu = () => [issuer.pid, redisPid].map(cpuMicroseconds)
  const before = usedCpu()
  const startedAt = performance.now()
  const sent = request(`${issuerUrl}/admin/v1/role-assignments`, {
    method: 'POST',
    headers: { authorization: operator, 'content-type': 'application/x-ndjson' },
  })
  const responded = once(sent, 'response') as Promise<[IncomingMessage]>
  const [last] = await Promise.all([
    responded.then(([response]) => lastLine(response)),
    pipeline(Readable.from(partsOf(lines, lineAt)), sent),
  ])
  const seconds = (performance.now() - startedAt) / 1_000
  const summary = JSON.parse(last) as Readonly<Record<string, unknown>>
  if (summary.done !== true || summary.assigned !== lines) {
    throw new Error(`not all were applied: ${last}`)
  }
  const [issuerCpu, redisCpu] = usedCpu().map((us, n) => (us - (before[n] as number)) / 1e6)
  return { seconds, issuerCpu: issuerCpu as number, redisCpu: redisCpu as number }
}

function* partsOf(lines: number, lineAt: (n: number) => string): Generator<Buffer> {
  for (let from = 0; from < lines; from += LINES_AT_ONCE) {
    let part = ''
    for (let n = from; n < Math.min(lines, from + LINES_AT_ONCE); n++) part += `${lineAt(n)}\n`
    yield Buffer.from(part)
  }
}

async function lastLine(answer: IncomingMessage): Promise<string> {
  let last = ''
  for await (const line of createInterface({ input: answer })) last = line
  return last
}
