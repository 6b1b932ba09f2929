/**
 * How commands are declared: with a summary, examples that its help and the reference show, and a handler that is given
 * the run. Also the readers of option values that several commands share; a mistake names the option.
 */

import { isContext, isContextType } from '@claimcheck/client/wire'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Environment } from './environment.ts'
import type { GlobalOptions, Run } from './run.ts'
import { parseMoment, type SpanDirection } from './terminal/moment.ts'

/** A command line and what it does. */
export type Example = readonly [line: string, does: string]

/** What the help says beside options and arguments. */
export interface Explanation {
  readonly summary: string
  /** Further paragraphs. */
  readonly details?: readonly string[]
  readonly examples: readonly Example[]
}

/** Runs a handler; `main.ts` does it for real, the reference not at all. */
export type Perform = (globals: GlobalOptions, handle: (run: Run) => Promise<void>) => Promise<void>

/** What commands are declared with. */
export interface CommandSetup {
  readonly perform: Perform
  readonly nowMs: Environment['nowMs']
}

const explanations = new WeakMap<Command, Explanation>()

/** Adds a command and says what it is for. `usage` is its name and arguments. */
export function addCommand(parent: Command, usage: string, explanation: Explanation): Command {
  const command = parent.command(usage)
  command.summary(explanation.summary)
  command.description([explanation.summary, ...(explanation.details ?? [])].join('\n\n'))
  command.addHelpText('after', () => examplesText(command))
  explanations.set(command, explanation)
  return command
}

/** Adds a noun: a command that only has others. */
export function addCommandGroup(parent: Command, name: string, summary: string): Command {
  return addCommand(parent, name, { summary, examples: [] })
}

/** The examples of a command; of a noun, the first of each of its verbs. */
export function examplesOf(command: Command): readonly Example[] {
  const own = explanations.get(command)?.examples ?? []
  return own.length > 0 ? own : command.commands.flatMap((verb) => examplesOf(verb).slice(0, 1))
}

/** What was said about a command. */
export function explanationOf(command: Command): Explanation | undefined {
  return explanations.get(command)
}

function examplesText(command: Command): string {
  const lines = examplesOf(command).map(([line, does]) => `  # ${does}\n  ${line}`)
  return lines.length === 0 ? '' : `\nExamples:\n${lines.join('\n')}`
}

/** Gives a command its handler: options first, then the arguments in their order. */
export function handle<Options, Args extends readonly unknown[]>(
  command: Command,
  { perform }: CommandSetup,
  handler: (run: Run, options: Options, ...args: Args) => Promise<void>,
): Command {
  return command.action(async (...given: unknown[]) => {
    // What commander hands over is decided by the declaration above each handler, which the compiler cannot see.
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
  { nowMs }: CommandSetup,
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

/** An option that takes a context, `*`, or all contexts of a type. */
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
  return new Option('--limit <n>', 'how many to show at most, or "all"')
    .default(fallback)
    .argParser((value: string) => {
      if (value === 'all') return Number.POSITIVE_INFINITY
      if (/^[1-9]\d{0,8}$/.test(value)) return Number(value)
      throw new InvalidArgumentError('Give a whole number of at least 1, or "all".')
    })
}

/** The confirmation's way out for scripts. */
export function yesOption(): Option {
  return new Option('-y, --yes', 'do not ask for confirmation')
}
