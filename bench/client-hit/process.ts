/** The process in which the calls are timed, so that its memory holds little else. Needs --expose-gc. */
import { fillClient } from './filled-client.ts'
import { makeTimers, type Timed, type Timer } from './timers.ts'

/** One question after another; each is answered by one message. */
export type Question =
  /** Makes a client and fills its cache from the server; answered with {@link Filled}. */
  | { readonly ask: 'fill'; readonly issuer: string; readonly entries: number }
  /** Answered with microseconds a call. */
  | { readonly ask: 'time'; readonly timed: Timed; readonly calls: number }

/** The size of a full client. */
export interface Filled {
  /** Growth of the heap and of the memory outside it, both after garbage collection. */
  readonly bytes: number
}

const FIRST_ENTRIES = 100

let timers: Readonly<Record<Timed, Timer>> | undefined

async function answer(question: Question): Promise<unknown> {
  if (question.ask === 'fill') {
    const { issuer, entries } = question
    // Does not count what Node loads for its first fetch and its first WebSocket.
    ;(await fillClient(issuer, FIRST_ENTRIES)).client.close()
    const filled = await fillClient(issuer, entries)
    timers = await makeTimers(filled, issuer)
    return { bytes: filled.bytes } satisfies Filled
  }
  const timer = timers?.[question.timed]
  // As many calls before it do not count: they replace what the previous contender left in the processor caches.
  await timer?.(question.calls)
  return timer?.(question.calls)
}

process.on('message', (question: Question) => {
  // A failure ends this process, and with it the measurement.
  void answer(question).then((answered) => process.send?.(answered))
})
