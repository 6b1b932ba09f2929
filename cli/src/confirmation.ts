/**
 * The question before a wide change. It says what the change affects and on which installation; an empty answer means no.
 * The widest changes need a name or a number as the answer, which cannot be typed by reflex. Without a terminal and without
 * `--yes` nothing is done.
 */
import { refused, usage } from './exit.ts'
import type { Run } from './run.ts'

/** The change to confirm. */
export interface Confirmation {
  /** A sentence that says what would happen. */
  readonly blastRadius: string
  /** The answer that confirms; `y` when absent. */
  readonly typed?: string
}

/** To be called before anything is sent. @throws {CliError} 2 when there is no terminal and no `--yes` */
export function assertConfirmable({ prompt }: Run, yes: boolean | undefined, what: string): void {
  if (yes === true || prompt.isInteractive) return
  throw usage(
    `${what} needs a confirmation, and there is no terminal to ask on; nothing was done`,
    'Look first with --dry-run, if the command has it; then add --yes.',
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
    typed === undefined ? 'Continue? [y/N] ' : `Type ${typed} to continue: `,
  )
  const isYes = typed === undefined ? /^y(?:es)?$/i.test(answer.trim()) : answer.trim() === typed
  if (!isYes) throw refused('not confirmed', 'Nothing was changed.')
}
