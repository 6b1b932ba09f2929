/**
 * The tool as a function of its environment: parses what was typed, runs the command, tells what went wrong, and returns
 * the exit code. No side effects but those the environment were given for.
 */
import { type Command, CommanderError } from 'commander'
import type { Perform } from './command.ts'
import type { Environment, TerminalOutput } from './environment.ts'
import { CliError, EXIT } from './exit.ts'
import { assertNoTokenTyped } from './input/input.ts'
import { createProgram } from './program.ts'
import { createRun } from './run.ts'
import { createReport, mayColour, type Report } from './terminal/report.ts'
import { makeVisible } from './terminal/visible.ts'

/** Runs the tool once. @returns the exit code */
export async function runTool(environment: Environment): Promise<number> {
  let report = createReport(environment, false)
  const perform: Perform = async (globals, handle) => {
    const run = createRun(environment, globals)
    report = run.report
    await handle(run)
  }
  const { nowMs, version } = environment
  const program = createProgram({ perform, nowMs, version })
  for (const command of allOf(program)) settle(command, environment)
  try {
    assertNoTokenTyped(environment.args)
    if (environment.args.length === 0) program.outputHelp()
    else await program.parseAsync(environment.args, { from: 'user' })
    await report.finish()
    return EXIT.ok
  } catch (error) {
    return tell(report, error)
  }
}

function allOf(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(allOf)]
}

/** Output and exit are ours, for every command of the tree. */
function settle(command: Command, { stdout, stderr, env }: Environment): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => stdout.write(text),
    writeErr: (text) => stderr.write(text),
    // What was typed may hold anything.
    outputError: (text, write) =>
      write(text.trimEnd().split('\n').map(makeVisible).join('\n').concat('\n')),
    getOutHelpWidth: () => columnsOf(stdout),
    getErrHelpWidth: () => columnsOf(stderr),
    getOutHasColors: () => mayColour(stdout, env),
    getErrHasColors: () => mayColour(stderr, env),
  })
}

function columnsOf(stream: TerminalOutput): number {
  return stream.isTTY === true ? Math.max(20, stream.columns || 80) : 80
}

async function tell(report: Report, error: unknown): Promise<number> {
  // commander has said what is wrong already; help and version come this way too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  if (error instanceof CliError) {
    if (error.message !== '') report.note(`claimcheck: ${error.message}`, 'bad')
    if (error.hint !== undefined) report.note(error.hint)
    await report.finish().catch(() => undefined)
    return error.exitCode
  }
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  report.note(`claimcheck: this is a bug in the tool: ${name}: ${message}`, 'bad')
  return EXIT.refused
}
