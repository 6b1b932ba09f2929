/**
 * The tool as tests run it: in this process with separate streams, as a process behind pipes, and on a real pseudo-terminal.
 * All its output is kept, so that a suite can search it for tokens and secrets.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import type { TerminalInput, TerminalOutput } from '../../cli/src/environment.ts'
import { runTool } from '../../cli/src/tool.ts'
import type { TestClient } from '../fixture/requests.ts'

const ROOT = new URL('../../', import.meta.url).pathname
const NODE = join(ROOT, 'node_modules', 'node', 'bin', 'node')
const MAIN = ['--conditions=claimcheck-source', join(ROOT, 'cli', 'src', 'main.ts')]

/** What a run came to. */
export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** How to run. */
interface RunOptions {
  readonly stdin?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  /** Ctrl-C once standard output holds this, for runs in this process. */
  readonly until?: RegExp
  /** Columns of the terminal that standard output is, for runs in this process. */
  readonly columns?: number
}

/** A folder with a development profile, a separate home directory, and the tool. */
export interface ToolBench {
  readonly folder: string
  readonly home: string
  /** Everything written so far, on both streams. */
  readonly written: readonly string[]
  /** Writes a file into the folder. @returns its path */
  file(name: string, content: string | Uint8Array): string
  /** Runs in this process. */
  run(args: readonly string[], options?: RunOptions): Promise<Outcome>
  /** Runs as a process behind pipes. */
  start(args: readonly string[], options?: RunOptions): Started
  /** Runs on a pseudo-terminal and types when asked. */
  onTerminal(args: readonly string[], options?: TerminalOptions): Promise<Outcome>
  close(): void
}

/** A process that runs. */
interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<Outcome>
  stderr(): string
}

/** What is typed, each once a text has appeared on the screen. */
interface TerminalOptions {
  readonly columns?: number
  readonly typed?: readonly { readonly after: RegExp; readonly keys: string }[]
  readonly env?: Readonly<Record<string, string>>
}

/** What a development profile holds. */
export interface DevProfile {
  readonly issuer: string
  readonly introspect?: string
  readonly admin: TestClient
  readonly resourceServer?: TestClient
}

/** Makes a bench; without `profile` the folder holds no development profile. */
export function createToolBench(profile?: DevProfile): ToolBench {
  const folder = mkdtempSync(join(tmpdir(), 'claimcheck-cli-'))
  const home = join(folder, 'home')
  mkdirSync(home)
  const written: string[] = []
  const running = new Set<ChildProcess>()
  if (profile !== undefined) writeDevFile(folder, profile)
  const env = {
    HOME: home,
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_STATE_HOME: join(home, 'state'),
    TERM: 'xterm',
  }

  function launch(command: string, args: readonly string[], more: RunOptions['env']): Started {
    const child = spawn(command, args, {
      cwd: folder,
      env: { PATH: process.env.PATH ?? '', ...env, ...more },
      stdio: 'pipe',
    })
    running.add(child)
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (text) => {
      stdout += text
    })
    child.stderr.on('data', (text) => {
      stderr += text
    })
    // A tool that has ended reads no more; that is no failure of the test.
    child.stdin.on('error', () => undefined)
    const ended = new Promise<Outcome>((done) => {
      child.once('close', (code) => {
        running.delete(child)
        written.push(stdout, stderr)
        done({ code, stdout, stderr })
      })
    })
    return { child, ended, stderr: () => stderr }
  }

  return {
    folder,
    home,
    written,
    file(name, content) {
      const path = join(folder, name)
      writeFileSync(path, content)
      return path
    },

    async run(args, options = {}) {
      const stop = new AbortController()
      const [stdout, stderr] = [collector(options.columns), collector()]
      if (options.until !== undefined) stdout.once(options.until, () => stop.abort())
      const code = await runTool({
        args,
        env: { ...env, ...options.env },
        cwd: folder,
        home,
        userId: process.getuid?.(),
        version: 'test',
        stdin: Readable.from([Buffer.from(options.stdin ?? '')]) as TerminalInput,
        stdout: stdout.stream,
        stderr: stderr.stream,
        nowMs: () => Date.now(),
        elapsedMs: () => performance.now(),
        // No waiting between attempts.
        random: () => 0,
        interrupted: stop.signal,
      })
      written.push(stdout.text(), stderr.text())
      return { code, stdout: stdout.text(), stderr: stderr.text() }
    },

    start(args, { stdin, env: more } = {}) {
      const started = launch(NODE, [...MAIN, ...args], more)
      if (stdin !== undefined) started.child.stdin?.end(stdin)
      return started
    },

    async onTerminal(args, { columns = 100, typed = [], env: more } = {}) {
      const line = [NODE, ...MAIN, ...args].map((word) => `'${word}'`).join(' ')
      const inside = `stty cols ${columns} rows 40; exec ${line}`
      const { child, ended } = launch('script', ['-qefc', inside, '/dev/null'], more)
      let screen = ''
      let next = 0
      child.stdout?.on('data', (text) => {
        screen += text
        const step = typed[next]
        if (step === undefined || !step.after.test(screen)) return
        next += 1
        screen = ''
        child.stdin?.write(step.keys)
      })
      return ended
    },

    close() {
      for (const child of running) child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function writeDevFile(folder: string, { issuer, introspect, admin, resourceServer }: DevProfile) {
  mkdirSync(join(folder, '.claimcheck'))
  const clients = resourceServer === undefined ? { admin } : { admin, 'grades-api': resourceServer }
  const text = JSON.stringify({ issuer, introspect, clients })
  writeFileSync(join(folder, '.claimcheck', 'dev.json'), text, { mode: 0o600 })
}

function collector(columns?: number) {
  let text = ''
  let awaited: { readonly pattern: RegExp; readonly then: () => void } | undefined
  const stream = new Writable({
    write(piece, _encoding, done) {
      text += piece
      if (awaited?.pattern.test(text) === true) awaited.then()
      done()
    },
  })
  const isTTY = columns !== undefined
  return {
    stream: Object.assign(stream, { isTTY, columns: columns ?? 0 }) as TerminalOutput,
    text: () => text,
    once(pattern: RegExp, then: () => void) {
      awaited = { pattern, then }
    },
  }
}
