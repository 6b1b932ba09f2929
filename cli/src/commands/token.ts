/** `claimcheck token`: issue, introspect, explain, revoke. Tokens are read from standard input or a file. */
import type { Command } from 'commander'
import {
  addCommand,
  addGroup,
  contextOption,
  handle,
  momentOption,
  repeatable,
  type Setup,
  tokenFileOption,
} from '../command.ts'
import { readToken } from '../input/input.ts'
import { writeNamed } from '../input/private-file.ts'
import type { Run } from '../run.ts'
import type { Json } from '../service/api.ts'
import { momentOf, numberOf, textOf, valueText } from '../service/fields.ts'
import { formatMoment } from '../terminal/moment.ts'
import { addExplainCommand } from './token-explain.ts'
import { addIntakeOptions, type IntakeOptions, revokeTokens } from './token-intake.ts'

/** Adds the commands. */
export function addTokenCommands(program: Command, setup: Setup): void {
  const token = addGroup(program, 'token', 'issue, introspect, explain and revoke tokens')
  addIssue(token, setup)
  addIntrospect(token, setup)
  addExplainCommand(token, setup)
  const revoke = addCommand(token, 'revoke', {
    summary: 'revoke the tokens on standard input or in a file',
    details: [
      'Revoking a refresh token revokes its grant, with all tokens issued under it. The same as "claimcheck revoke --token".',
    ],
    examples: [
      ['claimcheck token revoke < token.txt', 'revoke one token'],
      ['claimcheck token revoke --from-file dump.txt --dry-run', 'what would be revoked?'],
    ],
  })
  addIntakeOptions(revoke, setup)
  handle<IntakeOptions, []>(revoke, setup, (run, options) =>
    revokeTokens(run, { ...options, isTokenRequired: options.fromFile === undefined }),
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

function addIssue(token: Command, setup: Setup): void {
  const issue = addCommand(token, 'issue <subject>', {
    summary: 'issue a token for a subject, as after a login',
    details: [
      'Writes only the access token to standard output; with --refresh, the refresh token on a second line. Everything else goes to standard error.',
    ],
    examples: [
      ['claimcheck token issue alice --client web-app', 'a token for alice at web-app'],
      [
        'claimcheck token issue alice --client web-app --refresh --to-file alice.json',
        'access and refresh token, into a file that only you may read',
      ],
    ],
  })
    .requiredOption('--client <id>', 'the client that gets the token')
    .option('--scope <scopes>', 'scopes with spaces between (default: all scopes of the client)')
    .addOption(repeatable('--resource <uri>', 'the resource that the token is for'))
    .option('--sid <session>', 'the live session to join (default: a new one)')
    .option('--ip <address>', 'the address of the login')
    .option('--user-agent <text>', 'the device of the login')
    .option('--acr <class>', 'how strongly the subject was authenticated')
    .addOption(repeatable('--amr <method>', 'how the subject was authenticated'))
    .addOption(
      momentOption('--auth-time <time>', 'when the subject was authenticated', setup, 'ago'),
    )
    .option('--refresh', 'also issue a refresh token')
    .option('--to-file <file>', 'write the answer to a file of mode 0600 instead')
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
    report.note(`The answer is in ${options.toFile}; only you may read it.`)
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

function addIntrospect(token: Command, setup: Setup): void {
  const introspect = addCommand(token, 'introspect', {
    summary: 'show what a resource server learns about a token (RFC 7662)',
    details: [
      'Introspects as the resource server of the profile. An inactive token is an answer, so the exit code is 0; "token explain" says why it is inactive.',
    ],
    examples: [
      ['claimcheck token introspect < token.txt', 'is it active, and what does it carry?'],
      [
        'claimcheck token introspect --from-file token.txt --context course:123 --json',
        'with the roles in a context',
      ],
    ],
  })
    .addOption(tokenFileOption())
    .addOption(contextOption('--context <context>', 'also show the roles in this context'))
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
    report.note('To see why: claimcheck token explain', 'quiet')
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
  return valueText(value)
}
