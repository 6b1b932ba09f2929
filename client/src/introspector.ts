/** Asks the service about tokens: one by `/introspect`, several by the batch endpoint where there is one. */
import type { Discover } from './discovery.ts'
import type { EndpointAnswer, Send } from './endpoint.ts'
import { ClaimcheckError } from './errors.ts'
import { type Reply, readAnswer } from './reply.ts'
import { FRESHNESS_HEADER, type FreshnessStamp, parseFreshness } from './wire/index.ts'

/** Most tokens of one batch. */
const MAX_BATCH = 100

/** Asks about tokens, all in the same contexts (space-separated, '' for none), and answers in their order. */
export type Introspect = (tokens: readonly string[], contexts: string) => Promise<readonly Reply[]>

/** The asking part of a client. */
export interface Introspector {
  readonly ask: Introspect
  /** Finds the service, and tells how many tokens it takes at once. */
  readonly batchLimit: () => Promise<number>
}

/** What asking takes. */
export interface IntrospectorOptions {
  readonly discover: Discover
  readonly send: Send
  /** `Authorization` value of this client. */
  readonly authorization: string
}

/** Makes the asking part of a client. */
export function createIntrospector({
  discover,
  send,
  authorization,
}: IntrospectorOptions): Introspector {
  const accept = 'application/json'

  async function one(url: string, token: string, contexts: string): Promise<Reply> {
    const form = new URLSearchParams({ token, ...(contexts === '' ? {} : { context: contexts }) })
    const answer = await send({
      url,
      method: 'POST',
      headers: { authorization, accept, 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    })
    const [reply] = toReplies(answer, [parse(answer.text)])
    return reply as Reply
  }

  async function batch(url: string, tokens: readonly string[], contexts: string) {
    const answer = await send({
      url,
      method: 'POST',
      headers: { authorization, accept, 'content-type': 'application/json' },
      body: JSON.stringify({ tokens, ...(contexts === '' ? {} : { context: contexts }) }),
    })
    const { results } = (parse(answer.text) ?? {}) as { readonly results?: unknown }
    if (!Array.isArray(results) || results.length !== tokens.length) throw bad()
    return toReplies(answer, results)
  }

  return {
    async ask(tokens, contexts) {
      const { introspectionEndpoint, batchEndpoint } = await discover()
      if (tokens.length > 1 && batchEndpoint !== undefined) {
        return batch(batchEndpoint, tokens, contexts)
      }
      return Promise.all(tokens.map((token) => one(introspectionEndpoint, token, contexts)))
    },

    async batchLimit() {
      const { batchEndpoint } = await discover()
      return batchEndpoint === undefined ? 1 : MAX_BATCH
    },
  }
}

function toReplies({ headers }: EndpointAnswer, results: readonly unknown[]): readonly Reply[] {
  const stamps = readStamps(headers, results.length)
  const date = Date.parse(headers.get('date') ?? '')
  return results.map((result, index) => {
    const answer = readAnswer(result)
    if (answer === undefined) throw bad()
    return {
      answer,
      stamp: stamps?.[index],
      // Its own length: beside a huge answer of the same batch, a small one stays small.
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
    // No JSON is no answer: told by the caller, which does not quote the text.
    return undefined
  }
}

function bad(): ClaimcheckError {
  return new ClaimcheckError('ERR_CLAIMCHECK_BAD_RESPONSE', 'the answer is no RFC 7662 answer')
}
