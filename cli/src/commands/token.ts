/** `claimcheck token`: issue, introspect, explain, revoke. Tokens come from standard input or a file, never from argv. */
import type { Command } from 'commander'
import {
  addCommand,
  addCommandGroup,
  type CommandSetup,
  contextOption,
  handle,
  momentOption,
  repeatable,
} from '../command.ts'
import { readToken } from '../input/input.ts'
import { writeNamed } from '../input/private-file.ts'
import type { Run } from '../run.ts'
import type { Json } from '../service/api.ts'
import {
  listOf,
  momentOf,
  numberOf,
  objectOf,
  objectsOf,
  textOf,
  timeOf,
} from '../service/fields.ts'
import { formatMoment } from '../terminal/moment.ts'
import type { Fact, Tone } from '../terminal/table.ts'
import { addTokenTargets, type IntakeOptions, revokeTokens } from './token-intake.ts'

const FROM_FILE = '--from-file <file>'
const FROM_FILE_HELP = 'read the token from a file, - for standard input (the default)'

/** Adds the noun. */
export function addTokenCommands(program: Command, setup: CommandSetup): void {
  const token = addCommandGroup(program, 'token', 'issue, look into and take back tokens')
  addIssue(token, setup)
  addIntrospect(token, setup)
  addExplain(token, setup)
  const revoke = addCommand(token, 'revoke', {
    summary: 'take back the tokens read from standard input or a file',
    details: [
      'A refresh token stands for its grant: everything issued under it is void. The same as "claimcheck revoke --token".',
    ],
    examples: [
      ['claimcheck token revoke < token.txt', 'take back one token'],
      ['claimcheck token revoke --from-file dump.txt --dry-run', 'what would it hit?'],
    ],
  })
  addTokenTargets(revoke, setup)
  handle<IntakeOptions, []>(revoke, setup, (run, options) =>
    revokeTokens(run, { ...options, mustHold: options.fromFile === undefined }),
  )
}

interface IssueOptions {
  readonly client: string
  readonly scope?: string
  readonly resource?: readonly string[]
  readonly sid?: string
  readonly ip?: string
  readonly userAgent?: string
  readonly acr?: string
  readonly amr?: readonly string[]
  readonly authTime?: number
  readonly refresh?: boolean
  readonly toFile?: string
}

function addIssue(token: Command, setup: CommandSetup): void {
  const issue = addCommand(token, 'issue <subject>', {
    summary: 'issue a token for a subject, as after a login',
    details: [
      'The access token alone goes to standard output, with --refresh the refresh token on a second line; everything else goes to standard error.',
    ],
    examples: [
      ['claimcheck token issue alice --client web-app', 'a token for alice at web-app'],
      [
        'claimcheck token issue alice --client web-app --refresh --to-file alice.json',
        'access and refresh token into a file that only you may read',
      ],
    ],
  })
    .requiredOption('--client <id>', 'the client that the token is for')
    .option('--scope <scopes>', 'space-separated; everything the client may have when absent')
    .addOption(repeatable('--resource <uri>', 'who the token is for'))
    .option('--sid <session>', 'a live session to join; a new one starts when absent')
    .option('--ip <address>', 'where the login came from')
    .option('--user-agent <text>', 'what the login came from')
    .option('--acr <class>', 'how strongly the subject was authenticated')
    .addOption(repeatable('--amr <method>', 'how the subject was authenticated'))
    .addOption(momentOption('--auth-time <time>', 'when it was authenticated', setup, 'ago'))
    .option('--refresh', 'with a refresh token')
    .option('--to-file <file>', 'write the answer into a file of mode 0600 instead')
  handle<IssueOptions, [string]>(issue, setup, issueToken)
}

async function issueToken(run: Run, options: IssueOptions, subject: string): Promise<void> {
  const { report } = run
  const { ip, userAgent, authTime } = options
  const session =
    ip === undefined && userAgent === undefined ? undefined : { ip, user_agent: userAgent }
  const body = {
    sub: subject,
    client_id: options.client,
    scope: options.scope,
    resource: options.resource,
    sid: options.sid,
    session,
    acr: options.acr,
    amr: options.amr,
    auth_time: authTime === undefined ? undefined : Math.floor(authTime),
    refresh: options.refresh,
  }
  const answer = await (await run.api()).admin({ method: 'POST', path: '/tokens', body })
  if (options.toFile !== undefined) {
    await writeNamed(run.environment.cwd, options.toFile, `${JSON.stringify(answer, null, 2)}\n`)
    report.note(`The answer is in ${options.toFile}, for your eyes only.`)
    report.document(withoutTokens(answer))
    return
  }
  if (report.isJson) {
    report.secret(JSON.stringify(answer, null, 2))
    return
  }
  report.secret(textOf(answer.access_token))
  if (typeof answer.refresh_token === 'string') report.secret(answer.refresh_token)
  const expires = run.nowSeconds() + (numberOf(answer.expires_in) ?? 0)
  report.note(
    `For ${subject} at ${options.client}, until ${formatMoment(expires)}; grant ${textOf(answer.grant_id)}, session ${textOf(answer.sid)}.`,
    'quiet',
  )
}

function withoutTokens({ access_token: _, refresh_token: __, ...rest }: Json): Json {
  return rest
}

function addIntrospect(token: Command, setup: CommandSetup): void {
  const introspect = addCommand(token, 'introspect', {
    summary: 'what a resource server is told about a token (RFC 7662)',
    details: [
      'Asked with the resource server of the profile. An inactive token is an answer, not a failure; "token explain" says why.',
    ],
    examples: [
      ['claimcheck token introspect < token.txt', 'is it active, and what does it carry?'],
      [
        'claimcheck token introspect --from-file token.txt --context course:123 --json',
        'with the roles held in a context',
      ],
    ],
  })
    .option(FROM_FILE, FROM_FILE_HELP)
    .addOption(contextOption('--context <context>', 'resolve roles in this context'))
  handle<{ fromFile?: string; context?: string }, []>(introspect, setup, introspectToken)
}

async function introspectToken(
  run: Run,
  { fromFile, context }: { fromFile?: string; context?: string },
): Promise<void> {
  const { report, environment, prompt } = run
  const token = await readToken(environment, prompt, fromFile)
  const answer = await (await run.api()).introspect(token, context)
  report.document(answer)
  if (answer.active !== true) {
    report.line('inactive', 'bad')
    report.note('Why? claimcheck token explain', 'quiet')
    return
  }
  const rest = Object.entries(answer).filter(([name]) => name !== 'active')
  report.facts([
    { name: 'active', value: 'yes', tone: 'good' },
    ...rest.map(([name, value]) => ({ name, value: factText(name, value, run.nowSeconds()) })),
  ])
}

const TIMES: ReadonlySet<string> = new Set(['iat', 'exp', 'auth_time', 'nbf'])

function factText(name: string, value: unknown, nowSeconds: number): string {
  if (TIMES.has(name)) return momentOf(value, nowSeconds)
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) {
    return value.length === 0 ? '(none)' : value.join(' ')
  }
  return typeof value === 'object' ? JSON.stringify(value) : textOf(value)
}

function addExplain(token: Command, setup: CommandSetup): void {
  const explain = addCommand(token, 'explain', {
    summary: 'the state of a token and, if it is void, which revocation did it',
    details: [
      'For operators: resource servers learn no more than "inactive". The token is read from standard input and never shown.',
    ],
    examples: [
      ['claimcheck token explain < token.txt', 'why is it refused?'],
      [
        'claimcheck token explain --from-file token.txt --for grades-api',
        'and would grades-api see it as active?',
      ],
    ],
  })
    .option(FROM_FILE, FROM_FILE_HELP)
    .option('--for <client>', 'what this resource server would be told')
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

/** Where one of them spares what is older. */
function afterColumn(revocations: readonly Json[]) {
  if (revocations.every(({ issued_after }) => issued_after === undefined)) return []
  return [{ title: 'issued after', cell: ({ issued_after }: Json) => timeOf(issued_after) }]
}

const STATES: Readonly<Record<string, readonly [sentence: string, tone: Tone]>> = {
  active: ['active', 'good'],
  expired: ['expired: its time was up', 'bad'],
  revoked: ['revoked', 'bad'],
  suspended: ['void: its subject is suspended', 'bad'],
  client_disabled: ['void: its client is disabled or gone', 'bad'],
  unknown: ['unknown: ours by its MAC, but never issued, or gone for long', 'bad'],
  rotated: ['used: the refresh token that took its place stands for the grant now', 'bad'],
  not_a_token: ['not a token of this installation: its shape or MAC is wrong', 'bad'],
}

function stateFact(answer: Json, nowSeconds: number): Fact {
  const state = textOf(answer.state)
  const [sentence, tone] = STATES[state] ?? [state, 'warning']
  const expiry = state === 'expired' ? ` ${momentOf(answer.expires_at, nowSeconds)}` : ''
  return { name: 'state', value: sentence + expiry, tone }
}

function namedFacts(answer: Json, nowSeconds: number): Fact[] {
  const lineage = objectsOf(answer.exchanged_from).map(({ jti }) => textOf(jti))
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
    ['exchanged from', lineage.join(' ')],
  ]
  return facts.filter(([, value]) => value !== '').map(([name, value]) => ({ name, value }))
}

const WHY: Readonly<Record<string, string>> = {
  audience: 'the token is for another audience',
  client_disabled: 'the client is disabled',
  not_introspecting: 'the client may not introspect',
  refresh_token: 'refresh tokens are for the issuer alone',
  token: 'the token itself is void',
}

function resourceServerFact(answer: Json): Fact[] {
  const seen = objectOf(answer.resource_server)
  if (seen === undefined) return []
  const why = textOf(seen.why)
  const reason = why === '' ? '' : `: ${WHY[why] ?? why}`
  const name = `seen by ${textOf(seen.client_id)}`
  return [
    { name, value: `${textOf(seen.sees)}${reason}`, tone: seen.sees === 'active' ? 'good' : 'bad' },
  ]
}
