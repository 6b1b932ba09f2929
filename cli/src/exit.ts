/**
 * How the tool ends. Every failure that is meant for a person is a {@link CliError}: one sentence, a hint what to do next,
 * and the exit code. Anything else that is thrown is a bug in the tool and is reported as one.
 */

/** Exit codes; documented in the help and in docs/cli.md. */
export const EXIT = {
  ok: 0,
  /** The server said no, or the answer to a confirmation was no. */
  refused: 1,
  /** The command line, a file or a profile is invalid; nothing was sent. */
  usage: 2,
  /** No usable answer: unreachable, too slow, overloaded, or not a Claimcheck server. */
  unreachable: 3,
  /** 128 + SIGINT. */
  interrupted: 130,
  /** 128 + SIGPIPE: the reader of standard output has closed it. */
  brokenPipe: 141,
} as const

/** One of them. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** A failure that is shown to the user. `hint` says what to do next. */
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

/** The command line, a file or a profile is invalid. */
export function usage(message: string, hint?: string): CliError {
  return new CliError(EXIT.usage, message, hint)
}

/** No usable answer came. */
export function unreachable(message: string, hint?: string): CliError {
  return new CliError(EXIT.unreachable, message, hint)
}

/** Ctrl-C. `hint` says what is done already and how to continue. */
export function interruption(hint?: string): CliError {
  return new CliError(EXIT.interrupted, 'stopped', hint)
}

/** The error for a failure of the file system; it names the path. */
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
  ELOOP: 'its symbolic links form a loop',
}
