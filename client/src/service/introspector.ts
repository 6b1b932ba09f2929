/** Asks the service about tokens: one at `/introspect`, several at the batch endpoint if the service has one. */

import { type Reply, readAnswer } from '../cache/reply.ts'
import { createSharing, type Sharing } from '../cache/sharing.ts'
import { ClaimcheckError } from '../errors.ts'
import {
  type BatchIntrospectionRequest,
  FRESHNESS_HEADER,
  type FreshnessStamp,
  parseFreshness,
} from '../wire/index.ts'
import type { Discover } from './discovery.ts'
import type { EndpointAnswer, Send } from './endpoint.ts'

/** Most tokens in one batch. */
const MAX_BATCH = 100
/** Values in one generation of sharing; two generations take a few megabytes at most. */
const SHARED_GENERATION = 8_192

/** A question about one token, in contexts (space-separated, '' for none). */
export interface Asked {
  readonly token: string
  readonly contexts: string
}

/** Asks about tokens. The replies are in the same order. */
type Introspect = (asked: readonly Asked[]) => Promise<readonly Reply[]>

/** Asks the service. */
export interface Introspector {
  readonly ask: Introspect
  /** Finds the service, and returns how many tokens it accepts in one request. */
  readonly batchLimit: () => Promise<number>
}

/** The parts of an introspector. */
export interface IntrospectorOptions {
  readonly discover: Discover
  readonly send: Send
  /** `Authorization` value of this client. */
  readonly authorization: string
}

/** Makes an introspector. */
export function createIntrospector({
  discover,
  send,
  authorization,
}: IntrospectorOptions): Introspector {
  const accept = 'application/json'
  const sharing = createSharing(SHARED_GENERATION)

  async function one(url: string, { token, contexts }: Asked): Promise<Reply> {
    const form = new URLSearchParams({ token, ...(contexts === '' ? {} : { context: contexts }) })
    const answer = await send({
      url,
      method: 'POST',
      headers: { authorization, accept, 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    })
    const [reply] = toReplies(answer, [parse(answer.text)], sharing)
    return reply as Reply
  }

  async function batch(url: string, asked: readonly Asked[]) {
    const answer = await send({
      url,
      method: 'POST',
      headers: { authorization, accept, 'content-type': 'application/json' },
      body: JSON.stringify(batchBody(asked)),
    })
    const { results } = (parse(answer.text) ?? {}) as { readonly results?: unknown }
    if (!Array.isArray(results) || results.length !== asked.length) throw bad()
    return toReplies(answer, results, sharing)
  }

  return {
    async ask(asked) {
      const { introspectionEndpoint, batchEndpoint } = await discover()
      if (asked.length > 1 && batchEndpoint !== undefined) return batch(batchEndpoint, asked)
      return Promise.all(asked.map((each) => one(introspectionEndpoint, each)))
    },

    async batchLimit() {
      const { batchEndpoint } = await discover()
      return batchEndpoint === undefined ? 1 : MAX_BATCH
    },
  }
}

/** The contexts are one text if they are equal for all tokens, otherwise a list with one text for each token. */
function batchBody(asked: readonly Asked[]): BatchIntrospectionRequest {
  const tokens = asked.map(({ token }) => token)
  const each = asked.map(({ contexts }) => contexts)
  const [first = ''] = each
  if (each.some((contexts) => contexts !== first)) return { tokens, context: each }
  return first === '' ? { tokens } : { tokens, context: first }
}

function toReplies(
  { headers }: EndpointAnswer,
  results: readonly unknown[],
  sharing: Sharing,
): readonly Reply[] {
  const stamps = readStamps(headers, results.length)
  const date = Date.parse(headers.get('date') ?? '')
  return results.map((result, index) => {
    const answer = readAnswer(result, sharing)
    if (answer === undefined) throw bad()
    return {
      answer,
      stamp: stamps?.[index],
      // The length of this answer, not a share of the body: answers of one batch may differ much in size.
      bytes: JSON.stringify(result).length,
      serverTimeMs: Number.isNaN(date) ? undefined : date,
    }
  })
}

function readStamps(
  headers: Headers,
  count: number,
): readonly (FreshnessStamp | undefined)[] | undefined {
  const stamps = parseFreshness(headers.get(FRESHNESS_HEADER) ?? '')
  return stamps?.length === count ? stamps : undefined
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The caller reports it, without the text, which may contain a token.
    return undefined
  }
}

function bad(): ClaimcheckError {
  return new ClaimcheckError(
    'ERR_CLAIMCHECK_BAD_RESPONSE',
    'the answer of the service is not an RFC 7662 answer',
  )
}
