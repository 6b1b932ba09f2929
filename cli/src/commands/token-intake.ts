/**
 * Revokes the tokens in a file or a pipe, such as a leaked dump: finds each by its shape, lets the server say which are
 * real, and reports how many were live and whose. A token is never shown; it is named by its jti.
 */
import type { Command } from 'commander'
import type { BulkItem } from '../bulk/bulk.ts'
import { workThrough } from '../bulk/file-work.ts'
import { createTally } from '../bulk/tally.ts'
import { momentOption, type Setup } from '../command.ts'
import { assertConfirmable, confirm } from '../confirmation.ts'
import { CliError, EXIT, usage } from '../exit.ts'
import { type ByteSource, isRegularFile, openSource, readToken, STDIN } from '../input/input.ts'
import { createRecentTokens, createTokenScanner, type FoundToken } from '../input/token-scanner.ts'
import type { Run } from '../run.ts'
import { count } from '../terminal/progress.ts'
import { reportIntake } from './intake-report.ts'
import { addRevocationOptions, type RevocationOptions } from './revoke-targets.ts'

/** Options for tokens from a file or a pipe. */
export interface IntakeOptions extends RevocationOptions {
  readonly fromFile?: string
  readonly fromStart?: boolean
  /** Whether an input without a token is an error. */
  readonly isTokenRequired?: boolean
}

/** Adds the options that `token revoke` and `revoke` share. */
export function addIntakeOptions(command: Command, setup: Setup): Command {
  command
    .option('--from-file <file>', 'revoke every token found in this file; - is standard input')
    .option('--from-start', 'start over instead of resuming a stopped run over the same file')
  for (const side of ['before', 'after']) {
    const help = `only tokens issued ${side}: 2h, 7d (ago), 2026-05-01T03:00:00Z or epoch seconds`
    command.addOption(momentOption(`--issued-${side} <time>`, help, setup, 'ago'))
  }
  return addRevocationOptions(command)
}

/** @throws {CliError} when the span of time is empty */
export function assertSpan({ issuedAfter, issuedBefore }: IntakeOptions): void {
  if (issuedAfter === undefined || issuedBefore === undefined || issuedAfter < issuedBefore) return
  throw usage('--issued-after must be earlier than --issued-before')
}

const TOKENS_REMEMBERED = 500_000
const LARGE_FILE_BYTES = 100 * 1_048_576

/** Revokes every token that is found. */
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
  return { pieces: pieces(), name: 'the typed text', totalBytes: undefined, path: undefined }
}

/** Counts the tokens for the question. A file can be read twice. */
async function confirmFile(run: Run, { yes }: IntakeOptions, from: string): Promise<void> {
  const source = await openSource(run.environment, from)
  if ((source.totalBytes ?? 0) > LARGE_FILE_BYTES) run.report.note(`Counting tokens in ${from} …`)
  let found = 0
  for await (const _token of distinctTokens(source)) found += 1
  if (found < 2) return
  assertConfirmable(run, yes, `revoking ${count(found)} tokens`)
  const blastRadius = `${from} contains ${count(found)} texts with the shape of a token. Those that are real will be void for good, refresh tokens with their grants.`
  await confirm(run, yes, { blastRadius })
}

/** A pipe can be read only once: it may hold one token, unless the answer is given beforehand with `--yes`. */
async function holdingOne(source: ByteSource): Promise<ByteSource> {
  const found: FoundToken[] = []
  for await (const token of distinctTokens(source)) {
    found.push(token)
    if (found.length > 1) {
      throw usage(
        `${source.name} contains more than one token, and revoking several needs a confirmation; nothing was done`,
        'Look first with --dry-run, then add --yes.',
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
  await reportIntake(run, { tally, found, seconds, dryRun, name: source.name })
  const { failed = 0 } = tally.counts()
  if (failed > 0) {
    throw new CliError(
      EXIT.refused,
      `${count(failed)} tokens could not be checked`,
      'It is safe to repeat the command.',
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
  { isTokenRequired, dryRun = false }: IntakeOptions,
  name: string,
  firstBytes: Uint8Array | undefined,
): Promise<void> {
  const isCompressed = COMPRESSED.some((magic) =>
    magic.every((byte, n) => firstBytes?.[n] === byte),
  )
  const hint = isCompressed ? `${name} is compressed: unpack it and pipe it in.` : undefined
  if (isTokenRequired === true) throw usage(`there is no token in ${name}`, hint)
  await report.record({ type: 'summary', dry_run: dryRun, found: 0 })
  report.line(`There is no token in ${name}.`)
  if (hint !== undefined) report.note(hint, 'warning')
}

/** Identifies the run for its resume file. Without `--issued-after` it is the same as in earlier versions. */
function identityOf({ issuedAfter, issuedBefore, reason }: IntakeOptions): readonly string[] {
  const identity = ['revoke', String(issuedBefore), String(reason)]
  return issuedAfter === undefined ? identity : [...identity, String(issuedAfter)]
}
