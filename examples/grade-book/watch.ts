/**
 * `npm run example watch [token|session|subject]`: asks the running grade book for Sam's grade as fast as it answers, revokes
 * Sam's token meanwhile, and tells how long it took until the first refusal.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { createOperator, readDevFile, type SignedIn } from './sign-in.ts'

const PORT = Number(process.env.GRADE_BOOK_PORT ?? 4100)
const URL_OF_GRADE = `http://127.0.0.1:${PORT}/courses/101/grades/mine`
const CALM_MS = 2_000
const LONGEST_MS = 10_000

const say = (line: string): boolean => process.stdout.write(`${line}\n`)
const ms = (duration: number): string => `${duration.toFixed(1)} ms`

function targetOf(level: string, { token, session }: SignedIn): Record<string, string> {
  if (level === 'token') return { token }
  if (level === 'session') return { session }
  if (level === 'subject') return { subject: 'sam' }
  throw new Error('name what to revoke: token, session or subject')
}

async function main(level = 'token'): Promise<void> {
  const operator = await createOperator(await readDevFile())
  const sam = await operator.signIn('sam')
  const target = targetOf(level, sam)
  let allowed = 0
  let confirmedAt = Number.POSITIVE_INFINITY
  let allowedAfter = 0
  const revoked = delay(CALM_MS).then(async () => {
    say(`${allowed} requests allowed so far; revoking Sam's ${level}`)
    const sentAt = performance.now()
    await operator.revoke(target)
    confirmedAt = performance.now()
    say(`the issuer confirmed after ${ms(confirmedAt - sentAt)}`)
  })
  // Awaited only after the first refusal; until then its failure must not end the process without a message.
  let failure: unknown
  revoked.catch((error: unknown) => {
    failure = error
  })
  const giveUpAt = performance.now() + CALM_MS + LONGEST_MS
  while (performance.now() < giveUpAt) {
    if (failure !== undefined) throw failure
    const askedAt = performance.now()
    const response = await fetch(URL_OF_GRADE, {
      headers: { authorization: `Bearer ${sam.token}` },
    })
    await response.arrayBuffer()
    if (!response.ok) {
      const refusedAt = performance.now()
      await revoked
      say(`refused with ${response.status}, ${ms(refusedAt - confirmedAt)} after that confirmation`)
      say(`  ${response.headers.get('www-authenticate')}`)
      say(`${allowed} requests were allowed; ${allowedAfter} of them began after the confirmation`)
      return
    }
    allowed += 1
    if (askedAt > confirmedAt) allowedAfter += 1
  }
  throw new Error('the grade book still allows it')
}

try {
  await main(process.argv[2])
  process.exit()
} catch (error) {
  process.stderr.write(`watch: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
