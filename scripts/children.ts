// The processes that `npm start` runs: each has a log file, shows its warnings on the
// terminal, and has its last lines kept, so that the reason is shown when a child dies at once.
//
// Invariant: no child outlives this process. Each runs in a separate session, so a Ctrl-C reaches
// only this process, which stops them in order. If this process is killed, watchdog.sh stops them.
// Other files decide what a child is and when it is ready.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ROOT } from './setup.mjs'

const KILL_AFTER_MS = 10_000
const KEPT_LINES = 20
// pino's number for "warn".
const WARN_LEVEL = 40

export interface ChildSpec {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Whether warnings are shown on the terminal; the log file always has everything. */
  readonly isShown: boolean
  /** Whether the other children need this one until they are gone; it is then stopped after them. */
  readonly stopsLast?: boolean
}

export interface Child {
  readonly name: string
  readonly logPath: string
  /** Settles when the child is gone and all its output has been read; tells how it ended. */
  readonly ended: Promise<string>
  isRunning(): boolean
  lastLines(): readonly string[]
}

export interface Children {
  start(spec: ChildSpec): Child
  /** Settles with the first child that ends although it was not asked to. */
  firstEnded(): Promise<Child>
  /** Asks every child to stop, and kills it after ten seconds; nothing can be started afterwards. */
  stopAll(): Promise<void>
}

/** The part of a log line to show on the developer's terminal: warnings, errors and text that is not JSON. */
export function terminalLine(name: string, line: string): string | undefined {
  if (line.trim() === '') return undefined
  const record = parseRecord(line)
  if (record === undefined) return `${name}: ${line}`
  if (typeof record.level === 'number' && record.level < WARN_LEVEL) return undefined
  const error = record.err as { readonly message?: unknown } | undefined
  const texts = [record.msg, error?.message].filter((text) => typeof text === 'string')
  return `${name}: ${texts.length > 0 ? [...new Set(texts)].join(': ') : line}`
}

function parseRecord(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as Record<string, unknown> // an object: it starts with a brace
  } catch {
    // A torn line is shown as it is.
    return undefined
  }
}

/** Starts and stops child processes that log into `logDir`. */
export function createChildren(logDir: string): Children {
  const running: { readonly child: Child; readonly stopsLast: boolean; stop(): Promise<void> }[] =
    []
  let isStopping = false
  const watchdog = spawn('/bin/sh', [join(ROOT, 'scripts', 'watchdog.sh')], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watchdog.unref()
  // Without a watchdog (no /bin/sh, or killed by hand) an ordinary stop still works.
  watchdog.on('error', () => undefined)
  watchdog.stdin.on('error', () => undefined)

  function start(spec: ChildSpec): Child {
    if (isStopping) throw new Error('stopping')
    const logPath = join(logDir, `${spec.name}.log`)
    const child = spawn(spec.command, spec.args, {
      cwd: ROOT,
      env: spec.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    if (child.pid !== undefined) watchdog.stdin.write(`+ ${child.pid}\n`)
    const lines = record(child, spec, logPath)
    let isRunning = child.pid !== undefined
    const ended = new Promise<string>((done) => {
      child.once('error', (error) => done(error.message))
      child.once('exit', () => {
        isRunning = false
        watchdog.stdin.write(`- ${child.pid}\n`)
      })
      child.once('close', (code, signal) => done(signal ?? `exit code ${code}`))
    })
    const stop = async (): Promise<void> => {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
      await ended
      clearTimeout(timer)
    }
    const started: Child = {
      name: spec.name,
      logPath,
      ended,
      isRunning: () => isRunning,
      lastLines: () => lines,
    }
    running.push({ child: started, stopsLast: spec.stopsLast === true, stop })
    return started
  }

  async function stopAll(): Promise<void> {
    isStopping = true
    for (const isLast of [false, true]) {
      const due = running.filter((entry) => entry.stopsLast === isLast)
      await Promise.all(due.map((entry) => entry.stop()))
    }
    watchdog.stdin.end()
  }

  const firstEnded = (): Promise<Child> =>
    Promise.race(running.map(({ child }) => child.ended.then(() => child)))

  return { start, firstEnded, stopAll }
}

function record(child: ChildProcess, spec: ChildSpec, logPath: string): readonly string[] {
  if (existsSync(logPath)) renameSync(logPath, logPath.replace(/\.log$/, '.previous.log'))
  // Written synchronously: once the child is known to be gone, its last lines are in the file.
  const log = openSync(logPath, 'w', 0o600)
  const lines: string[] = []
  const take = (line: string): void => {
    writeSync(log, `${line}\n`)
    lines.push(line)
    if (lines.length > KEPT_LINES) lines.shift()
    const shown = spec.isShown ? terminalLine(spec.name, line) : undefined
    if (shown !== undefined) console.error(shown)
  }
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on('line', take)
  }
  child.once('close', () => closeSync(log))
  return lines
}
