// What a look at the cache costs, beside the verification of a JWT.

import { randomBytes } from 'node:crypto'
import { generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { createClient } from '../../client/src/index.ts'
import { startScriptedServer } from '../../test/client/scripted-server.ts'
import { waitFor } from '../../test/wait-for.ts'

const ENTRIES = 100_000
const PEEKS = 1_000_000
const ROUNDS = 5
const BATCH = 100
const VERIFICATIONS = 2_000
/** Longer than the measurement, during which nothing else can run. */
const BOUND_MS = 600_000
const TOKEN_BODY_BYTES = 51

/** Nanoseconds of one `peek` in a cache of a hundred thousand entries, the best of five rounds. */
export async function peekNanoseconds(): Promise<{
  readonly entries: number
  readonly ns: number
}> {
  const server = await startScriptedServer()
  const client = createClient({
    issuer: server.issuer,
    clientId: 'demo',
    clientSecret: 'demo',
    maxStalenessMs: BOUND_MS,
    maxEntries: ENTRIES,
    maxBytes: 2 ** 30,
    timeoutMs: 30_000,
  })
  try {
    await waitFor(() => client.health().state === 'fresh')
    const tokens = Array.from(
      { length: ENTRIES },
      () => `cc_at_${randomBytes(TOKEN_BODY_BYTES).toString('base64url')}`,
    )
    for (let first = 0; first < ENTRIES; first += BATCH) {
      const batch = tokens.slice(first, first + BATCH)
      await Promise.all(batch.map((token) => client.introspect(token)))
    }
    const { entries } = client.health()
    // In no order, and as new strings, as they would come out of a request's header.
    const asked = tokens
      .toSorted(() => Math.random() - 0.5)
      .map((token) => Buffer.from(token).toString('latin1'))
    const rounds = Array.from({ length: ROUNDS }, () => timePeeks(client.peek, asked))
    return { entries, ns: Math.min(...rounds) }
  } finally {
    client.close()
    await server.close()
  }
}

function timePeeks(peek: (token: string) => unknown, tokens: readonly string[]): number {
  let found = 0
  const startedAt = process.hrtime.bigint()
  for (let n = 0; n < PEEKS; n++) if (peek(tokens[n % ENTRIES] as string) !== undefined) found++
  const ns = Number(process.hrtime.bigint() - startedAt)
  if (found !== PEEKS) throw new Error(`${PEEKS - found} of ${PEEKS} were not in the cache`)
  return ns / PEEKS
}

/** Nanoseconds of one `jwtVerify` of jose. */
export async function verifyNanoseconds(algorithm: 'ES256' | 'RS256'): Promise<number> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm)
  const options = { issuer: 'https://issuer.test', audience: 'https://grades.test' }
  const jwt = await new SignJWT({ scope: 'grades:read', client_id: 'web-app' })
    .setProtectedHeader({ alg: algorithm })
    .setSubject('alice')
    .setIssuer(options.issuer)
    .setAudience(options.audience)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey)
  const once = async (times: number): Promise<number> => {
    const startedAt = process.hrtime.bigint()
    for (let n = 0; n < times; n++) await jwtVerify(jwt, publicKey, options)
    return Number(process.hrtime.bigint() - startedAt) / times
  }
  await once(VERIFICATIONS / 10)
  return once(VERIFICATIONS)
}
