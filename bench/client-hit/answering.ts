/** A server that answers every token as live, with a role in one context, and whose feed grants every lease. */
import { type Respond, startScriptedServer } from '../../test/client/scripted-server.ts'
import type { Bench } from '../harness/measure.ts'

/** Contexts of all subjects together: courses are shared by many. */
const COURSES = 5_000
const FIRST_COURSE = 100_000
const STRIDE = 7_919
const LIFETIME_SECONDS = 86_400

/** @returns its issuer URL */
export async function startAnsweringServer({ atEnd }: Bench): Promise<string> {
  const server = await startScriptedServer()
  atEnd(server.close)
  server.respond = answerAll(server.issuer)
  return server.issuer
}

function answerAll(issuer: string): Respond {
  let answered = 0
  return ({ req, res, body }) => {
    const isBatch = req.url?.endsWith('/batch') === true
    const count = isBatch ? (JSON.parse(body) as { tokens: string[] }).tokens.length : 1
    const answers = Array.from({ length: count }, () => answerOf(answered++, issuer))
    res.setHeader('content-type', 'application/json')
    res.setHeader('claimcheck-freshness', answers.map(() => '0:e1:0').join(','))
    res.end(JSON.stringify(isBatch ? { results: answers } : answers[0]))
  }
}

/** What the service answers about the token of a user who has logged in; the ids are as long as real ones. */
function answerOf(n: number, issuer: string): object {
  const name = String(n).padStart(6, '0')
  const context = `course:${FIRST_COURSE + ((n * STRIDE) % COURSES)}`
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
    context_roles: { [context]: ['teacher'] },
    context_roles_complete: true,
    permissions: { [context]: ['grade:read', 'grade:write'] },
  }
}
