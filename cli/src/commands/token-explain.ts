/** `claimcheck token explain`: the state of a token, and the revocations that hit it. */
import type { Command } from 'commander'
import { addCommand, handle, type Setup, tokenFileOption } from '../command.ts'
import { readToken } from '../input/input.ts'
import type { Run } from '../run.ts'
import type { Json } from '../service/api.ts'
import { listOf, momentOf, objectOf, objectsOf, textOf, timeOf } from '../service/fields.ts'
import type { Fact, Tone } from '../terminal/table.ts'

/** Adds the command. */
export function addExplainCommand(token: Command, setup: Setup): void {
  const explain = addCommand(token, 'explain', {
    summary: 'show the state of a token and, if it is void, which revocation did it',
    details: [
      'For operators: a resource server learns only "inactive". The token is read from standard input and never shown.',
    ],
    examples: [
      ['claimcheck token explain < token.txt', 'why is it refused?'],
      ['claimcheck token explain --from-file token.txt --for grades-api', 'is it active there?'],
    ],
  })
    .addOption(tokenFileOption())
    .option('--for <client>', 'also show what this resource server learns')
  handle<{ fromFile?: string; for?: string }, []>(explain, setup, explainToken)
}

async function explainToken(run: Run, options: { fromFile?: string; for?: string }): Promise<void> {
  const { report, environment, prompt } = run
  const token = await readToken(environment, prompt, options.fromFile)
  const body = { token, resource_server: options.for }
  const call = { method: 'POST', path: '/explain', body, isRepeatable: true } as const
  const answer = await (await run.api()).admin(call)
  report.document(answer)
  report.facts([
    stateFact(answer, run.nowSeconds()),
    ...namedFacts(answer, run.nowSeconds()),
    ...resourceServerFact(answer),
  ])
  const revocations = objectsOf(answer.revocations)
  if (revocations.length === 0) return
  report.line('')
  report.line(revocations.length === 1 ? 'Revoked by:' : 'Revoked by, latest first:', 'title')
  report.table(
    [
      { title: 'level', cell: ({ level }) => textOf(level) },
      { title: 'at', cell: ({ at }) => timeOf(at) },
      ...afterColumn(revocations),
      { title: 'cutoff', cell: ({ cutoff }) => timeOf(cutoff) },
      { title: 'by', cell: ({ by }) => textOf(by) },
      { title: 'reason', cell: ({ reason }) => textOf(reason), shrink: 'cut' },
      { title: 'id', cell: ({ id }) => textOf(id) },
      { title: 'through token', cell: ({ of }) => textOf(of) },
    ],
    revocations,
  )
}

/** The start of the span of time, where a revocation has one. */
function afterColumn(revocations: readonly Json[]) {
  if (revocations.every(({ issued_after }) => issued_after === undefined)) return []
  return [{ title: 'issued after', cell: ({ issued_after }: Json) => timeOf(issued_after) }]
}

const STATES: Readonly<Record<string, readonly [sentence: string, tone: Tone]>> = {
  active: ['active', 'good'],
  expired: ['expired: its lifetime ended', 'bad'],
  revoked: ['revoked', 'bad'],
  suspended: ['void: its subject is suspended', 'bad'],
  client_disabled: ['void: its client is disabled or deleted', 'bad'],
  unknown: ['unknown: its MAC is valid, but it was never issued, or it expired long ago', 'bad'],
  rotated: ['used: a newer refresh token has taken its place', 'bad'],
  not_a_token: ['not a token of this installation: its shape or MAC is wrong', 'bad'],
}

function stateFact(answer: Json, nowSeconds: number): Fact {
  const state = textOf(answer.state)
  const [sentence, tone] = STATES[state] ?? [state, 'warning']
  const expiry = state === 'expired' ? ` ${momentOf(answer.expires_at, nowSeconds)}` : ''
  return { name: 'state', value: sentence + expiry, tone }
}

function namedFacts(answer: Json, nowSeconds: number): Fact[] {
  const ancestry = objectsOf(answer.exchanged_from).map(({ jti }) => textOf(jti))
  const facts: readonly (readonly [string, string])[] = [
    ['kind', textOf(answer.kind).replace('_', ' ')],
    ['subject', textOf(answer.sub)],
    ['client', textOf(answer.client_id)],
    ['scope', textOf(answer.scope)],
    ['audience', listOf(answer.aud)],
    ['issued', momentOf(answer.issued_at, nowSeconds)],
    ['expires', momentOf(answer.expires_at, nowSeconds)],
    ['jti', textOf(answer.jti)],
    ['grant', textOf(answer.grant_id)],
    ['session', textOf(answer.sid)],
    ['actor', textOf(objectOf(answer.act)?.sub)],
    ['exchanged from', ancestry.join(' ')],
  ]
  return facts.filter(([, value]) => value !== '').map(([name, value]) => ({ name, value }))
}

const REASONS: Readonly<Record<string, string>> = {
  audience: 'the token is for another audience',
  client_disabled: 'the client is disabled',
  not_introspecting: 'the client may not introspect',
  refresh_token: 'only the issuer takes refresh tokens',
  token: 'the token itself is void',
}

function resourceServerFact(answer: Json): Fact[] {
  const seen = objectOf(answer.resource_server)
  if (seen === undefined) return []
  const why = textOf(seen.why)
  const reason = why === '' ? '' : `: ${REASONS[why] ?? why}`
  const name = `seen by ${textOf(seen.client_id)}`
  return [
    { name, value: `${textOf(seen.sees)}${reason}`, tone: seen.sees === 'active' ? 'good' : 'bad' },
  ]
}
