/**
 * How the tool ends: every failure that is meant for a person is a {@link CliError} with one clear sentence, what to do
 * next, and the exit code. Anything else that is thrown is a bug and says so.
 */

/** Exit codes; documented in the help and in docs/cli.md. */
export const EXIT = {
  ok: 0,
  /** The server said no, or the answer to a confirmation was no. */
  refused: 1,
  /** The command line makes no sense; nothing was sent. */
  usage: 2,
  /** No usable answer: unreachable, too slow, overloaded, or not a Claimcheck server. */
  unreachable: 3,
  /** 128 + SIGINT. */
  interrupted: 130,
  /** 128 + SIGPIPE, as of any program whose reader has gone away. */
  brokenPipe: 141,
} as const

/** One of them. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** A failure to be told to the user. `hint` says what to do next. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code = 'ERR_CLAIMCHECK_CLI'
  readonly exitCode: ExitCode
  readonly hint: string | undefined

  constructor(exitCode: ExitCode, message: string, hint?: string, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
    this.hint = hint
  }
}

/** The server, or the user, said no. */
export function refused(message: string, hint?: string): CliError {
  return new CliError(EXIT.refused, message, hint)
}

/** The command line, a file or a profile cannot be used as given. */
export function usage(message: string, hint?: string): CliError {
  return new CliError(EXIT.usage, message, hint)
}

/** No usable answer could be had. */
export function unreachable(message: string, hint?: string): CliError {
  return new CliError(EXIT.unreachable, message, hint)
}

/** Ctrl-C. `hint` says what is done already and how to go on. */
export function interruption(hint?: string): CliError {
  return new CliError(EXIT.interrupted, 'stopped', hint)
}

/** Turns an error of the file system into a sentence that names the path. */
export function fileProblem(doing: string, path: string, error: unknown): CliError {
  const { code } = error as NodeJS.ErrnoException
  const reason = FILE_REASONS[code ?? ''] ?? `it fails with ${code ?? 'an unknown error'}`
  return usage(`cannot ${doing} ${path}: ${reason}`)
}

const FILE_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'part of the path is not a directory',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  ELOOP: 'its symbolic links go in a circle',
}
