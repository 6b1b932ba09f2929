/**
 * `npm run example roles`: changes the roles of people while the grade book runs and their tokens stay the same, and shows
 * what each of them may do before and after.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { createOperator, type Operator, readDevFile } from './sign-in.ts'

const PORT = Number(process.env.GRADE_BOOK_PORT ?? 4100)
const ELEVATED_SECONDS = 3
const PATIENCE_MS = 10_000

const say = (line: string): boolean => process.stdout.write(`${line}\n`)

async function ask(token: string, path: string, grade?: string): Promise<number> {
  const authorization = `Bearer ${token}`
  const response = await fetch(
    `http://127.0.0.1:${PORT}/courses/${path}`,
    grade === undefined
      ? { headers: { authorization } }
      : {
          method: 'PUT',
          headers: { authorization, 'content-type': 'application/json' },
          body: JSON.stringify({ grade }),
        },
  )
  await response.arrayBuffer()
  return response.status
}

/** Asks until the expected answer comes, and tells how long that took. */
async function until(status: number, attempt: () => Promise<number>): Promise<string> {
  const startedAt = performance.now()
  while ((await attempt()) !== status) {
    if (performance.now() - startedAt > PATIENCE_MS) throw new Error(`there was no ${status}`)
    await delay(1)
  }
  return `${(performance.now() - startedAt).toFixed(1)} ms later`
}

async function removeFromOneCourse(operator: Operator): Promise<void> {
  const { token } = await operator.signIn('sam')
  const held = { context: 'course:101', role: 'student' }
  say(`Sam reads his grade in course 101: ${await ask(token, '101/grades/mine')}`)
  await operator.remove('sam', held)
  const when = await until(403, () => ask(token, '101/grades/mine'))
  say(`Sam is removed from course 101. The same token, ${when}: 403`)
  say(`and in course 202: ${await ask(token, '202/grades/mine')}\n`)
  await operator.assign('sam', held)
}

async function elevateForAWhile(operator: Operator): Promise<void> {
  const { token } = await operator.signIn('tariq')
  const write = (): Promise<number> => ask(token, '101/grades/sam', 'A')
  say(`Tariq, teaching assistant, writes a grade: ${await write()}`)
  const expires_at = Math.floor(Date.now() / 1_000) + ELEVATED_SECONDS
  await operator.assign('tariq', { context: 'course:101', role: 'teacher', expires_at })
  say(
    `Tariq is a teacher for ${ELEVATED_SECONDS} s. The same token, ${await until(200, write)}: 200`,
  )
  say(`It ends by itself, ${await until(403, write)}: 403\n`)
}

async function viewAsStudent(operator: Operator): Promise<void> {
  const tina = await operator.signIn('tina')
  const view = await operator.viewAsStudent(tina.token, '101')
  say(`Tina, teacher, reads all grades of course 101: ${await ask(tina.token, '101/grades')}`)
  say(`Tina, viewing it as a student: ${await ask(view, '101/grades')}`)
  say(`her own grade as a student would see it: ${await ask(view, '101/grades/mine')}`)
  await operator.revoke({ token: tina.token })
  const when = await until(401, () => ask(view, '101/grades/mine'))
  say(`Tina's own token is revoked. The view dies with it, ${when}: 401\n`)
}

async function administerASchool(operator: Operator): Promise<void> {
  const { token } = await operator.signIn('ada')
  say(
    `Ada, administrator of school north, reads course 101 (north): ${await ask(token, '101/grades')}`,
  )
  say(`and course 202 (south): ${await ask(token, '202/grades')}`)
}

try {
  const operator = await createOperator(await readDevFile())
  await removeFromOneCourse(operator)
  await elevateForAWhile(operator)
  await viewAsStudent(operator)
  await administerASchool(operator)
  process.exit()
} catch (error) {
  const { message } = error as Error
  const advice =
    message === 'fetch failed' ? 'run "npm start" and "npm run example" first' : message
  process.stderr.write(`roles: ${advice}\n`)
  process.exit(1)
}
