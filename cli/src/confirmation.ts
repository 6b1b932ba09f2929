/**
 * The question before anything wide: says what would be hit and where, and takes "no" for an answer to silence. For what
 * hits everybody the answer is a name or a number, which nobody types by reflex. Without a terminal there is nobody to
 * ask, and without `--yes` nothing happens.
 */
import { refused, usage } from './exit.ts'
import type { Run } from './run.ts'

/** What is to be confirmed. */
export interface Confirmation {
  /** A whole sentence about what would happen. */
  readonly blastRadius: string
  /** What has to be typed; `y` when absent. */
  readonly typed?: string
}

/** @throws {CliError} 2 when nobody can be asked; to be called before anything is sent */
export function assertConfirmable({ prompt }: Run, yes: boolean | undefined, what: string): void {
  if (yes === true || prompt.isInteractive) return
  throw usage(
    `${what} needs a confirmation, and there is no terminal to ask at; nothing was done`,
    'Look first with --dry-run where there is one, then give --yes.',
  )
}

/** @throws {CliError} 1 when the answer is no */
export async function confirm(
  { prompt, report, api }: Run,
  yes: boolean | undefined,
  { blastRadius, typed }: Confirmation,
): Promise<void> {
  if (yes === true) return
  const { profile } = await api()
  report.note(`${blastRadius} This is ${profile.issuer}, profile "${profile.name}".`, 'warning')
  const answer = await prompt.ask(
    typed === undefined ? 'Go on? [y/N] ' : `Type ${typed} to go on: `,
  )
  const isYes = typed === undefined ? /^y(?:es)?$/i.test(answer.trim()) : answer.trim() === typed
  if (!isYes) throw refused('not confirmed', 'Nothing was changed.')
}
