/** A server whose every token is live, with roles in some contexts, and whose feed vouches for everything. */
import { type Respond, startScriptedServer } from '../../test/client/scripted-server.ts'

/** A running server. */
export interface AnsweringServer {
  readonly issuer: string
  close(): Promise<void>
}

/** Contexts over all subjects: courses are shared, but hardly two subjects hold roles in the same ones. */
const COURSES = 5_000
const FIRST_COURSE = 100_000
const STRIDE = 7_919
const STEPS = 97
const LIFETIME_SECONDS = 86_400

/** @param roles contexts in which each subject holds a role */
export async function startAnsweringServer(roles: number): Promise<AnsweringServer> {
  const server = await startScriptedServer()
  server.respond = answerWithRoles(server.issuer, roles)
  return server
}

function answerWithRoles(issuer: string, roles: number): Respond {
  let answered = 0
  return ({ req, res, body }) => {
    const isBatch = req.url?.endsWith('/batch') === true
    const count = isBatch ? (JSON.parse(body) as { tokens: string[] }).tokens.length : 1
    const answers = Array.from({ length: count }, () => answerOf(answered++, issuer, roles))
    res.setHeader('content-type', 'application/json')
    res.setHeader('claimcheck-freshness', answers.map(() => '0:e1:0').join(','))
    res.end(JSON.stringify(isBatch ? { results: answers } : answers[0]))
  }
}

/** What the service says about the token of a user who is logged in; ids are as long as real ones. */
function answerOf(n: number, issuer: string, roles: number): object {
  const name = String(n).padStart(6, '0')
  const contexts = Array.from({ length: roles }, (_, index) => courseOf(n, index))
  const now = Math.floor(Date.now() / 1_000)
  return {
    active: true,
    iss: issuer,
    sub: `user-${name}`,
    client_id: 'web-app',
    scope: 'grades:read profile:read',
    aud: ['https://grades.test'],
    token_type: 'Bearer',
    iat: now,
    exp: now + LIFETIME_SECONDS,
    jti: `Q${name.padEnd(38, 'j')}`,
    grant_id: `Q${name.padEnd(16, 'g')}`,
    sid: `Q${name.padEnd(16, 's')}`,
    username: `user-${name}@school.test`,
    roles: ['staff'],
    context_roles: Object.fromEntries(contexts.map((context) => [context, ['teacher']])),
    context_roles_complete: true,
    permissions: Object.fromEntries(
      contexts.map((context) => [context, ['grade:read', 'grade:write']]),
    ),
  }
}

function courseOf(n: number, index: number): string {
  return `course:${FIRST_COURSE + ((n * STRIDE + index * (1 + (n % STEPS))) % COURSES)}`
}
