/** The services as an operator runs them: child processes with an environment, an output and an exit code. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { waitFor } from '../fixture/wait-for.ts'

/** One process. */
export interface ServiceProcess {
  /** What it wrote so far, both streams. */
  output(): string
  /** Resolves with the URL once it says that it listens; throws when it ends instead. */
  listening(): Promise<string>
  /** Resolves when a text was written. */
  says(text: string): Promise<void>
  signal(signal: NodeJS.Signals): void
  /** Resolves with the exit code, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals>
  /** Ends it if it still runs. */
  stop(): Promise<void>
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Starts a service with nothing in its environment but what is given (and what every process needs). */
export function startProcess(
  service: 'issuer' | 'introspect',
  settings: Readonly<Record<string, string>>,
): ServiceProcess {
  const child: ChildProcess = spawn(process.execPath, [`${service}/main.ts`], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const isOver = () => child.exitCode !== null || child.signalCode !== null

  async function says(text: string): Promise<void> {
    await waitFor(() => output.includes(text) || isOver())
    if (!output.includes(text)) throw new Error(`${service} ended: ${output}`)
  }

  return {
    output: () => output,
    says,
    async listening() {
      await says('"msg":"listening"')
      return (/"url":"([^"]+)"/.exec(output) as RegExpExecArray)[1] as string
    },
    signal: (signal) => void child.kill(signal),
    async ended() {
      const [code, signal] = await closed
      return code ?? (signal as NodeJS.Signals)
    },
    async stop() {
      if (!isOver()) child.kill('SIGKILL')
      await closed
    },
  }
}
