/**
 * Taking back tokens found in a file or a pipe, such as a leaked dump: finds each by its shape, lets the server say which
 * are real, and sums up how many were live, whose, and since when. Never shows a token: a real one is named by its jti.
 */
import { type Command, Option } from 'commander'
import type { BulkItem } from '../bulk/bulk.ts'
import { workThrough } from '../bulk/file-work.ts'
import { createTally, type Tally } from '../bulk/tally.ts'
import { type CommandSetup, momentOption, yesOption } from '../command.ts'
import { assertConfirmable, confirm } from '../confirmation.ts'
import { CliError, EXIT, usage } from '../exit.ts'
import { type ByteSource, isRegularFile, openSource, readToken, STDIN } from '../input/input.ts'
import { createRecentTokens, createTokenScanner, type FoundToken } from '../input/token-scanner.ts'
import type { Run } from '../run.ts'
import type { Json } from '../service/api.ts'
import { numberOf, textOf, timeOf } from '../service/fields.ts'
import { count } from '../terminal/progress.ts'

/** Options of the intake. */
export interface IntakeOptions {
  readonly fromFile?: string
  readonly issuedAfter?: number
  readonly issuedBefore?: number
  readonly reason?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly fromStart?: boolean
  /** Whether finding no token is a mistake. */
  readonly mustHold?: boolean
}

/** Adds what `token revoke` and `revoke` have in common. */
export function addTokenTargets(command: Command, setup: CommandSetup): Command {
  return command
    .addOption(
      new Option('--from-file <file>', 'find the tokens in any file, - for standard input'),
    )
    .option('--from-start', 'begin anew where an earlier run over the same file was stopped')
    .addOption(
      momentOption(
        '--issued-before <time>',
        'only what was issued before: 2h, 7d (ago), 2026-05-01T03:00:00Z or epoch seconds',
        setup,
        'ago',
      ),
    )
    .addOption(
      momentOption(
        '--issued-after <time>',
        'only what was issued after: 1h, 7d (ago), 2026-05-01T03:00:00Z or epoch seconds',
        setup,
        'ago',
      ),
    )
    .option('--reason <text>', 'why; kept with the revocation and in the audit')
    .option('-n, --dry-run', 'tell what would die and change nothing')
    .addOption(yesOption())
}

/** @throws {CliError} unless there is time between the two */
export function assertSpan({ issuedAfter, issuedBefore }: IntakeOptions): void {
  if (issuedAfter === undefined || issuedBefore === undefined || issuedAfter < issuedBefore) return
  throw usage('--issued-after must be earlier than --issued-before')
}

const TOKENS_REMEMBERED = 500_000
const LARGE_FILE_BYTES = 100 * 1_048_576

/** Takes back every token that is found. */
export async function revokeTokens(run: Run, options: IntakeOptions): Promise<void> {
  assertSpan(options)
  const { environment } = run
  const from = options.fromFile ?? STDIN
  if (from === STDIN && environment.stdin.isTTY === true) {
    const token = await readToken(environment, run.prompt, undefined)
    return sendTokens(run, options, sourceOf(token))
  }
  const isFile = await isRegularFile(environment.cwd, from)
  const mayAsk = options.yes !== true && options.dryRun !== true
  if (mayAsk && isFile) await confirmFile(run, options, from)
  const source = await openSource(environment, from)
  return sendTokens(run, options, mayAsk && !isFile ? await holdingOne(source) : source)
}

function sourceOf(token: string): ByteSource {
  async function* pieces() {
    yield Buffer.from(token)
  }
  return { pieces: pieces(), name: 'what was typed', totalBytes: undefined, path: undefined }
}

/** Counts first: a file is there to be read again. */
async function confirmFile(run: Run, { yes }: IntakeOptions, from: string): Promise<void> {
  const source = await openSource(run.environment, from)
  if ((source.totalBytes ?? 0) > LARGE_FILE_BYTES) run.report.note(`Counting tokens in ${from} …`)
  let found = 0
  for await (const _token of distinctTokens(source)) found += 1
  if (found < 2) return
  assertConfirmable(run, yes, `taking back ${count(found)} tokens`)
  const blastRadius = `${count(found)} texts of the shape of a token were found in ${from}; those that are real will be void, refresh tokens with their grants.`
  await confirm(run, yes, { blastRadius })
}

/** A pipe can be read only once: one token is taken back, for more the answer must be given beforehand. */
async function holdingOne(source: ByteSource): Promise<ByteSource> {
  const found: FoundToken[] = []
  for await (const token of distinctTokens(source)) {
    found.push(token)
    if (found.length > 1) {
      throw usage(
        `${source.name} holds more than one token, and taking back several needs a confirmation; nothing was done`,
        'Look first with --dry-run, then give --yes.',
      )
    }
  }
  return { ...sourceOf(found[0]?.token ?? ''), name: source.name }
}

async function* distinctTokens(source: ByteSource): AsyncGenerator<FoundToken> {
  const scan = createTokenScanner()
  const isKnown = createRecentTokens(TOKENS_REMEMBERED)
  for await (const piece of source.pieces) {
    for (const found of scan(piece)) if (!isKnown(found.token)) yield found
  }
}

async function sendTokens(run: Run, options: IntakeOptions, source: ByteSource): Promise<void> {
  const { issuedAfter, issuedBefore, reason, dryRun = false } = options
  const tally = createTally()
  let found = 0
  let firstBytes: Uint8Array | undefined
  const watched = watchStart(source, (bytes) => {
    firstBytes = bytes
  })

  async function* items(done: { readonly items: number }): AsyncGenerator<BulkItem> {
    for await (const { token, end } of distinctTokens(watched)) {
      found += 1
      if (found <= done.items) continue
      const json = JSON.stringify({
        token,
        issued_after: issuedAfter,
        issued_before: issuedBefore,
        reason,
      })
      yield { json, number: found, end }
    }
  }

  const seconds = await workThrough(run, {
    source,
    noun: 'tokens',
    path: '/revocations',
    query: dryRun ? { dry_run: 'true' } : {},
    identity: dryRun ? undefined : identityOf(options),
    fromStart: options.fromStart === true,
    items,
    answered: async ({ number }, { line: _, ...answer }) => {
      tally.add(answer)
      await run.report.record({ type: 'token', number, ...answer })
    },
    counts: () => tally.counts(),
    restore: (counts) => tally.restore(counts),
  })
  if (found === 0) return nothingFound(run, options, source.name, firstBytes)
  await summarize(run, { tally, found, seconds, dryRun, name: source.name })
  const { failed = 0 } = tally.counts()
  if (failed > 0) {
    throw new CliError(
      EXIT.refused,
      `${count(failed)} tokens could not be dealt with`,
      'Repeating is safe.',
    )
  }
}

function watchStart(source: ByteSource, see: (bytes: Uint8Array) => void): ByteSource {
  async function* pieces() {
    let isFirst = true
    for await (const piece of source.pieces) {
      if (isFirst) see(piece.subarray(0, 4))
      isFirst = false
      yield piece
    }
  }
  return { ...source, pieces: pieces() }
}

const COMPRESSED: readonly (readonly number[])[] = [
  [0x1f, 0x8b],
  [0x50, 0x4b, 0x03, 0x04],
  [0x28, 0xb5, 0x2f, 0xfd],
  [0x42, 0x5a, 0x68],
  [0xfd, 0x37, 0x7a, 0x58],
]

async function nothingFound(
  { report }: Run,
  { mustHold, dryRun = false }: IntakeOptions,
  name: string,
  firstBytes: Uint8Array | undefined,
): Promise<void> {
  const isCompressed = COMPRESSED.some((magic) =>
    magic.every((byte, n) => firstBytes?.[n] === byte),
  )
  const hint = isCompressed ? `${name} is compressed: unpack it and pipe it in.` : undefined
  if (mustHold === true) throw usage(`there is no token in ${name}`, hint)
  await report.record({ type: 'summary', dry_run: dryRun, found: 0 })
  report.line(`There is no token in ${name}.`)
  if (hint !== undefined) report.note(hint, 'warning')
}

interface Summary {
  readonly tally: Tally
  readonly found: number
  readonly seconds: number
  readonly dryRun: boolean
  readonly name: string
}

const MAX_ROWS = 20
const MAX_NAMED_GRANTS = 5

/** What the token was worth. */
const WORTH: Readonly<Record<string, string>> = { revoked: 'live', spared: 'live, spared' }

async function summarize({ report }: Run, summary: Summary): Promise<void> {
  const { tally, found, seconds, dryRun, name } = summary
  const counts = tally.counts()
  const subjects = tally.subjects()
  await report.record({ type: 'summary', dry_run: dryRun, found, ...counts, subjects })
  const { live = 0, already_void = 0, spared = 0, unknown = 0 } = counts
  const verb = dryRun ? 'are live and would be void' : 'were live and are void now'
  report.line(
    `${count(found)} found in ${name}: ${count(live)} ${verb}, ${count(already_void)} were void already,${sparedText(spared)} ${count(unknown)} are unknown here.`,
  )
  const tokens = tally.tokens()
  if (tokens.length > 0 && tokens.length <= MAX_ROWS) tokenTable(report, tokens, dryRun)
  else if (subjects.length > 0) {
    report.line('')
    subjectTable(report, subjects)
    if (subjects.length > MAX_ROWS || tally.hasMoreSubjects()) {
      report.line(`… and others; --json names them.`, 'quiet')
    }
  }
  const left = [...tally.grantsLeft()]
  if (left.length > 0) {
    const which = left.length <= MAX_NAMED_GRANTS ? left.join(' --grant ') : '…'
    report.note(
      `${count(left.length)} of these logins can still refresh. To end them too: claimcheck revoke --grant ${which}`,
      'warning',
    )
  }
  if (seconds > 1) report.note(`${count(found / seconds)} tokens a second.`, 'quiet')
}

/** What tells one run over a file from another; the same as ever where there is no beginning. */
function identityOf({ issuedAfter, issuedBefore, reason }: IntakeOptions): readonly string[] {
  const identity = ['revoke', String(issuedBefore), String(reason)]
  return issuedAfter === undefined ? identity : [...identity, String(issuedAfter)]
}

function sparedText(spared: number): string {
  return spared === 0 ? '' : ` ${count(spared)} are live and spared by their time of issue,`
}

function tokenTable(report: Run['report'], tokens: readonly Json[], dryRun: boolean): void {
  report.line('')
  report.table(
    [
      {
        title: 'was',
        cell: ({ outcome }) => WORTH[textOf(outcome)] ?? 'void',
        tone: ({ outcome }) => (outcome !== 'revoked' ? 'quiet' : dryRun ? 'warning' : 'bad'),
      },
      { title: 'level', cell: ({ level }) => textOf(level) },
      { title: 'subject', cell: ({ sub }) => textOf(sub) },
      { title: 'client', cell: ({ client_id }) => textOf(client_id) },
      { title: 'issued', cell: ({ issued_at }) => timeOf(issued_at) },
      { title: 'jti', cell: ({ jti, grant_id }) => textOf(jti) || textOf(grant_id) },
    ],
    tokens,
  )
}

function subjectTable(report: Run['report'], subjects: readonly Json[]): void {
  report.table(
    [
      { title: 'subject', cell: ({ sub }) => textOf(sub) },
      { title: 'live', cell: ({ live }) => count(numberOf(live) ?? 0), align: 'right' },
      { title: 'found', cell: ({ found }) => count(numberOf(found) ?? 0), align: 'right' },
      { title: 'since', cell: ({ since }) => timeOf(since) },
    ],
    subjects.slice(0, MAX_ROWS),
  )
}
