/**
 * The process around the tool. Only `main.ts` reads environment variables, streams, clocks and signals; every other module
 * takes them from here.
 */
import type { Readable, Writable } from 'node:stream'

/** A stream that may be a terminal. */
export interface TerminalOutput extends Writable {
  readonly isTTY?: boolean
  readonly columns?: number
}

/** Standard input; a terminal has a raw mode. */
export interface TerminalInput extends Readable {
  readonly isTTY?: boolean
  setRawMode?(mode: boolean): unknown
}

/** The process as the tool sees it. */
export interface Environment {
  /** The words after the name of the program. */
  readonly args: readonly string[]
  readonly env: { readonly [name: string]: string | undefined }
  readonly cwd: string
  readonly home: string
  /** The user's numeric id; undefined on systems without one. */
  readonly userId: number | undefined
  readonly version: string
  readonly stdin: TerminalInput
  readonly stdout: TerminalOutput
  readonly stderr: TerminalOutput
  /** Epoch milliseconds. */
  readonly nowMs: () => number
  /** Milliseconds that never go back. */
  readonly elapsedMs: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Aborted by Ctrl-C and stop signals. */
  readonly interrupted: AbortSignal
}
