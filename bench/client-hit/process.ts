// The process in which the look-ups run, so that little else lies in its memory. Needs --expose-gc.
import { type FilledClient, fillClient } from './filled-client.ts'
import { lookUpTimers } from './look-ups.ts'
import type { Filled, Question } from './question.ts'
import { prepareVerifications } from './verifications.ts'

const FIRST_ENTRIES = 100

let filled: FilledClient | undefined
let lookUps: ReturnType<typeof lookUpTimers> | undefined
let verifications: Awaited<ReturnType<typeof prepareVerifications>> | undefined

async function answer(question: Question): Promise<unknown> {
  switch (question.ask) {
    case 'fill':
      // What Node itself loads when it fetches for the first time is not counted.
      ;(await fillClient(question.issuer, FIRST_ENTRIES)).client.close()
      filled = await fillClient(question.issuer, question.entries)
      return { bytes: filled.bytes } satisfies Filled
    case 'prepare':
      if (filled === undefined) throw new Error('nothing was filled')
      lookUps = lookUpTimers(filled)
      verifications = await prepareVerifications(question.jwts)
      return true
    case 'look-up':
      // What was measured before has left its own things near the processor: as many that do not count clear them away.
      await lookUps?.[question.lookUp](question.calls)
      return lookUps?.[question.lookUp](question.calls)
    case 'verify':
      return verifications?.time(question.jwt, question.calls)
  }
}

process.on('message', (question: Question) => {
  // A failure ends this process, and with it the measurement.
  void answer(question).then((answered) => process.send?.(answered))
})
