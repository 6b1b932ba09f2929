/**
 * How commands are declared: with a summary, with examples for the help and the reference, and with a handler that takes
 * the run. Also the options that several commands share.
 */

import { isContext, isContextType } from '@claimcheck/client/wire'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Environment } from './environment.ts'
import type { GlobalOptions, Run } from './run.ts'
import { parseMoment, type SpanDirection } from './terminal/moment.ts'

/** A command line and what it does. */
export type Example = readonly [line: string, does: string]

/** What the help says besides options and arguments. */
export interface Explanation {
  readonly summary: string
  /** Further paragraphs. */
  readonly details?: readonly string[]
  readonly examples: readonly Example[]
}

/** Runs a handler. The generator of docs/cli.md passes one that does nothing. */
export type Perform = (globals: GlobalOptions, handle: (run: Run) => Promise<void>) => Promise<void>

/** What the declarations of commands need. */
export interface Setup {
  readonly perform: Perform
  readonly nowMs: Environment['nowMs']
}

const explanations = new WeakMap<Command, Explanation>()

/** Adds a command with its explanation. `usage` is its name and arguments. */
export function addCommand(parent: Command, usage: string, explanation: Explanation): Command {
  const command = parent.command(usage)
  command.summary(explanation.summary)
  command.description([explanation.summary, ...(explanation.details ?? [])].join('\n\n'))
  command.addHelpText('after', () => examplesText(command))
  explanations.set(command, explanation)
  return command
}

/** Adds a command that only groups others, such as `claimcheck token`. */
export function addGroup(parent: Command, name: string, summary: string): Command {
  return addCommand(parent, name, { summary, examples: [] })
}

/** The examples of a command; of a group, the first example of each command in it. */
export function examplesOf(command: Command): readonly Example[] {
  const own = explanations.get(command)?.examples ?? []
  return own.length > 0 ? own : command.commands.flatMap((child) => examplesOf(child).slice(0, 1))
}

/** The explanation a command was added with. */
export function explanationOf(command: Command): Explanation | undefined {
  return explanations.get(command)
}

function examplesText(command: Command): string {
  const lines = examplesOf(command).map(([line, does]) => `  # ${does}\n  ${line}`)
  return lines.length === 0 ? '' : `\nExamples:\n${lines.join('\n')}`
}

/** Sets the handler of a command. It takes the run, the options, then the arguments in their order. */
export function handle<Options, Args extends readonly unknown[]>(
  command: Command,
  { perform }: Setup,
  handler: (run: Run, options: Options, ...args: Args) => Promise<void>,
): Command {
  return command.action(async (...given: unknown[]) => {
    // commander passes what the declaration of the command says, which the compiler cannot check.
    const args = given.slice(0, -2) as unknown as Args
    const options = command.opts() as Options
    await perform(command.optsWithGlobals() as GlobalOptions, (run) =>
      handler(run, options, ...args),
    )
  })
}

/** An option that may be given several times. */
export function repeatable(flags: string, description: string): Option {
  return new Option(flags, `${description} (repeatable)`).argParser(
    (value: string, earlier: readonly string[] | undefined) => [...(earlier ?? []), value],
  )
}

/** An option that takes a time. */
export function momentOption(
  flags: string,
  description: string,
  { nowMs }: Setup,
  span: SpanDirection,
): Option {
  return new Option(flags, description).argParser((value: string) => {
    try {
      return parseMoment(value, nowMs() / 1_000, span)
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message)
    }
  })
}

/** An option that takes a context or `*`. */
export function contextOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((value: string) => {
    if (value === '*' || isContext(value)) return value
    throw new InvalidArgumentError("Give type:id, such as course:123, or '*' for everywhere.")
  })
}

/** An option that takes a context, `*`, or `type:*` for all contexts of a type. */
export function contextFilterOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((value: string) => {
    const isWholeType = value.endsWith(':*') && isContextType(value.slice(0, -2))
    if (value === '*' || isContext(value) || isWholeType) return value
    throw new InvalidArgumentError(
      "Give type:id, 'type:*' for a whole type, or '*' for everywhere.",
    )
  })
}

/** How many items a list shows: a number, or `all`. */
export function limitOption(fallback: number): Option {
  return new Option('--limit <n>', 'show at most this many, or "all"')
    .default(fallback)
    .argParser((value: string) => {
      if (value === 'all') return Number.POSITIVE_INFINITY
      if (/^[1-9]\d{0,8}$/.test(value)) return Number(value)
      throw new InvalidArgumentError('Give a whole number from 1, or "all".')
    })
}

/** The option for a file that holds one token. */
export function tokenFileOption(): Option {
  return new Option(
    '--from-file <file>',
    'read the token from this file (default: -, standard input)',
  )
}

/** The option that confirms beforehand, for scripts. */
export function yesOption(): Option {
  return new Option('-y, --yes', 'confirm beforehand: do not ask')
}
