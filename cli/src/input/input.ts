/**
 * Reads files, standard input, tokens and secrets. Tokens and secrets are never read from the command line: every user of
 * the machine can see it there, and the shell keeps it in its history.
 */
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { TOKEN_PATTERN } from '@claimcheck/client/wire'
import type { Environment } from '../environment.ts'
import { fileProblem, interruption, usage } from '../exit.ts'
import type { Prompt } from '../terminal/prompt.ts'
import { parseObject } from './json-object.ts'
import { createTokenScanner } from './token-scanner.ts'

/** Names standard input in place of a file. */
export const STDIN = '-'

/** The bytes of a file or of standard input. */
export interface ByteSource {
  readonly pieces: AsyncIterable<Uint8Array>
  /** For people. */
  readonly name: string
  /** The size; undefined for a pipe. */
  readonly totalBytes: number | undefined
  /** The path of a regular file, which can be read again. */
  readonly path: string | undefined
}

const PIECE_BYTES = 1_048_576
const MAX_TEXT_BYTES = 1_048_576

type InputEnvironment = Pick<Environment, 'stdin' | 'cwd' | 'interrupted'>

/** Opens a file or standard input. @throws {CliError} 2 when it cannot be read */
export async function openSource(
  { stdin, cwd, interrupted }: InputEnvironment,
  from: string,
): Promise<ByteSource> {
  if (from === STDIN) {
    const pieces = untilInterrupted(stdin, interrupted)
    return { pieces, name: 'standard input', totalBytes: undefined, path: undefined }
  }
  const path = resolve(cwd, from)
  try {
    const file = await open(path)
    const found = await file.stat()
    await file.close()
    if (found.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' })
    const isRegular = found.isFile()
    const stream = createReadStream(path, { highWaterMark: PIECE_BYTES })
    return {
      pieces: untilInterrupted(stream, interrupted),
      name: from,
      totalBytes: isRegular ? found.size : undefined,
      path: isRegular ? path : undefined,
    }
  } catch (error) {
    throw fileProblem('read', from, error)
  }
}

/** Whether there is a regular file of this name. */
export async function isRegularFile(cwd: string, from: string): Promise<boolean> {
  if (from === STDIN) return false
  const found = await stat(resolve(cwd, from)).catch(() => undefined)
  return found?.isFile() === true
}

async function* untilInterrupted(
  stream: AsyncIterable<Uint8Array> & { destroy(error?: Error): unknown },
  interrupted: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const stop = () => stream.destroy(interruption())
  interrupted.addEventListener('abort', stop, { once: true })
  try {
    yield* stream
  } finally {
    interrupted.removeEventListener('abort', stop)
  }
}

/** Reads a whole text of at most 1 MiB. */
async function readText(environment: InputEnvironment, from: string): Promise<string> {
  const source = await openSource(environment, from)
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of source.pieces) {
    bytes += piece.length
    if (bytes > MAX_TEXT_BYTES) throw usage(`${source.name} is larger than 1 MiB`)
    pieces.push(piece)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces))
  } catch {
    throw usage(`${source.name} is not UTF-8 text`)
  }
}

/** Reads a JSON object. @throws {CliError} 2 that names the file */
export async function readJsonObject(environment: InputEnvironment, from: string) {
  const value = parseObject((await readText(environment, from)).replace(/^\ufeff/, ''))
  if (value !== undefined) return value
  throw usage(`${from === STDIN ? 'standard input' : from} is not a JSON object`)
}

/** Reads a secret: from a file, from standard input, or typed without being shown. */
export async function readSecret(
  environment: InputEnvironment,
  prompt: Prompt,
  from: string | undefined,
  question: string,
): Promise<string> {
  const isTyped = from === undefined && environment.stdin.isTTY === true
  const text = isTyped
    ? await prompt.askHidden(question)
    : await readText(environment, from ?? STDIN)
  const secret = text.replace(/\r?\n$/, '')
  if (secret === '') throw usage('the secret is empty')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  if (/[\u0000-\u001f\u007f]/.test(secret)) throw usage('the secret must be one line of text')
  return secret
}

/** Reads one token: from a file, from standard input, or typed without being shown. It may turn out not to be a token. */
export async function readToken(
  environment: InputEnvironment,
  prompt: Prompt,
  from: string | undefined,
): Promise<string> {
  const isTyped = from === undefined && environment.stdin.isTTY === true
  const text = isTyped
    ? await prompt.askHidden('Token (not shown): ')
    : await readText(environment, from ?? STDIN)
  const found = new Set(createTokenScanner()(Buffer.from(text)).map(({ token }) => token))
  if (found.size > 1) {
    throw usage(
      'there is more than one token',
      'Give one of them: only the access token, or only the refresh token.',
    )
  }
  const [token = text.trim()] = found
  if (token === '') throw usage('there is no token', 'Pipe it in, or name a file with --from-file.')
  if (token.length > 4_096 || /\s/.test(token))
    throw usage('this is not a token: it is not one word')
  return token
}

/** @throws {CliError} 2 when an argument contains a token */
export function assertNoTokenTyped(args: readonly string[]): void {
  if (!args.some((arg) => TOKEN_PATTERN.test(arg))) return
  throw usage(
    'a token was given on the command line, where every user of this machine can see it and the shell keeps it; nothing was done',
    'Pipe it in, or use --from-file. If other people use this machine, revoke the token.',
  )
}
