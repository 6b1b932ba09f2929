/**
 * `npm run example`: serves the grade book beside `npm start`, and signs three people in.
 * Their tokens go to files for curl that only this user can read, never to the screen or a command line.
 */
import { once } from 'node:events'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { join } from 'node:path'
import { createClient } from '../../client/src/index.ts'
import { createGradeBook } from './app.ts'
import {
  createOperator,
  DATA_DIR,
  type Operator,
  PEOPLE,
  type Person,
  readDevFile,
} from './sign-in.ts'

const DEFAULT_PORT = 4_100
const FOLDER = join(DATA_DIR, 'grade-book')
const WAIT_FOR_FEED_MS = 2_000

function portFrom(text: string | undefined): number {
  if (text === undefined) return DEFAULT_PORT
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new Error('GRADE_BOOK_PORT must be a port number')
}

/** What to do about an error whose message does not say. */
function adviceOn(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return 'its port is taken: set GRADE_BOOK_PORT to another'
  if (message === 'fetch failed') return 'no issuer answers: run "npm start" in another terminal'
  return message
}

const say = (line: string): boolean => process.stdout.write(`${line}\n`)

async function writeTokenFile(operator: Operator, person: Person): Promise<void> {
  const { token } = await operator.signIn(person)
  const path = join(FOLDER, `${person}.curl`)
  const lines = [`header = "Authorization: Bearer ${token}"`, 'include', 'silent', 'noproxy = "*"']
  await writeFile(path, `${lines.join('\n')}\n`, { mode: 0o600 })
  // An older file keeps its mode when it is written again.
  await chmod(path, 0o600)
}

async function main(): Promise<void> {
  const port = portFrom(process.env.GRADE_BOOK_PORT)
  const dev = await readDevFile()
  const api = dev.clients['grades-api']
  const claims = createClient({
    issuer: dev.issuer,
    clientId: api.client_id,
    clientSecret: api.client_secret,
  })
  const server = createServer(createGradeBook(claims) as RequestListener)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')

  const operator = await createOperator(dev)
  await operator.setUpRoles()
  say(
    'The roles administrator, teacher, teaching-assistant and student are those of the grade book now.',
  )
  await mkdir(FOLDER, { recursive: true, mode: 0o700 })
  for (const person of Object.keys(PEOPLE) as Person[]) await writeTokenFile(operator, person)

  const deadline = Date.now() + WAIT_FOR_FEED_MS
  while (claims.health().state === 'starting' && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const url = `http://127.0.0.1:${port}`
  const curl = (person: Person) => `curl -K ${join(FOLDER, person)}.curl`
  say(`The grade book is at ${url}; its cache is in the state "${claims.health().state}". Try:\n`)
  say(`${curl('sam')} ${url}/courses/101/grades/mine`)
  say(`${curl('tina')} ${url}/courses/101/grades`)
  say(`${curl('tina')} ${url}/courses/101/grades/sam -X PUT --json '{"grade":"A"}'`)
  say(`${curl('tina')} ${url}/courses/202/grades`)
  say(`${curl('ada')} ${url}/courses/101/grades`)
  say(`curl -s ${url}/health`)
  say('\nTo see a token revoked under load:      npm run example watch')
  say('To see roles change on live tokens:     npm run example roles')

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      claims.close()
      server.closeAllConnections()
      server.close()
    })
  }
}

try {
  await main()
} catch (error) {
  process.stderr.write(`grade-book: ${adviceOn(error)}\n`)
  process.exit(1)
}
