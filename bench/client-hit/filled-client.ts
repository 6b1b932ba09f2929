/** A client whose cache is full, and how much memory that took. */
import { type Client, createClient } from '../../client/src/index.ts'
import type { ActiveToken } from '../../client/src/wire/index.ts'
import { waitFor } from '../../test/fixture/wait-for.ts'
import { makeTokens, type PresentedTokens } from './presented-tokens.ts'

/** The client, and what is known of its tokens. */
export interface FilledClient {
  readonly client: Client
  readonly tokens: PresentedTokens
  /** Subject of a token. */
  subjectOf(n: number): string
  /** A context in which it holds a role. */
  contextOf(n: number): string
  /** Growth of the heap and of the memory outside it, both after garbage collection. */
  readonly bytes: number
}

/** Longer than a measurement: while it runs, the process cannot renew a lease. */
const MAX_STALENESS_MS = 600_000
const TIMEOUT_MS = 30_000
/** The bound on memory is not what is measured. */
const MAX_BYTES = 2 ** 30
const BATCH = 100

/**
 * Looks many tokens up at a server of answering.ts.
 *
 * @throws {Error} unless all of them are in the cache afterwards
 */
export async function fillClient(issuer: string, entries: number): Promise<FilledClient> {
  const tokens = makeTokens(entries)
  const subjects = new Int32Array(entries)
  const contexts = new Int32Array(entries)
  const before = memoryInUse()
  const client = createClient({
    issuer,
    clientId: 'grades-api',
    clientSecret: 'secret',
    maxStalenessMs: MAX_STALENESS_MS,
    maxEntries: entries,
    maxBytes: MAX_BYTES,
    timeoutMs: TIMEOUT_MS,
  })
  await waitFor(() => client.health().state === 'fresh')
  for (let first = 0; first < entries; first += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, entries - first) }, (_, n) => first + n)
    const answers = await Promise.all(numbers.map((n) => client.introspect(tokens.at(n))))
    numbers.forEach((n, index) => {
      const { sub, context_roles = {} } = answers[index] as ActiveToken
      subjects[n] = numberIn(sub)
      contexts[n] = numberIn(Object.keys(context_roles)[0] ?? '')
    })
  }
  const { entries: kept } = client.health()
  if (kept !== entries) throw new Error(`${kept} of ${entries} answers were kept`)
  return {
    client,
    tokens,
    subjectOf: (n) => `user-${String(subjects[n]).padStart(6, '0')}`,
    contextOf: (n) => `course:${contexts[n]}`,
    bytes: memoryInUse() - before,
  }
}

function numberIn(name: string): number {
  return Number(/\d+$/.exec(name)?.[0] ?? 0)
}

function memoryInUse(): number {
  const { gc } = globalThis
  if (gc === undefined) throw new Error('start this process with --expose-gc')
  gc()
  gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
