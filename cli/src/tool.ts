/**
 * The tool as a function of its environment: parses the command line, runs the command, reports a failure, and returns the
 * exit code. It has no side effects except through the environment.
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
  for (const command of allOf(program)) redirectOutput(command, environment)
  try {
    assertNoTokenTyped(environment.args)
    if (environment.args.length === 0) program.outputHelp()
    else await program.parseAsync(environment.args, { from: 'user' })
    await report.finish()
    return EXIT.ok
  } catch (error) {
    return reportFailure(report, error)
  }
}

function allOf(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(allOf)]
}

/** Makes commander write to the environment's streams and throw instead of exiting. */
function redirectOutput(command: Command, { stdout, stderr, env }: Environment): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => stdout.write(text),
    writeErr: (text) => stderr.write(text),
    // The message quotes the command line, which may contain control characters.
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

async function reportFailure(report: Report, error: unknown): Promise<number> {
  // commander has written its message already; --help and --version end this way too.
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
