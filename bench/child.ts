/** Node processes of a measurement: started on the core of their part, spoken to by messages, stopped with the run. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Machine, Part } from './machine.ts'

/** A running process. */
export interface BenchChild {
  readonly pid: number
  /** Sends a message and resolves with the next one that comes back. */
  ask<Answer>(question: unknown): Promise<Answer>
  stop(): Promise<void>
}

/** How to start one. */
export interface ChildOptions {
  readonly part: Part
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Further options of Node itself, such as those of a profiler. */
  readonly nodeOptions?: readonly string[]
}

/** Starts a module as a process of its own. Whatever it prints to standard error is shown. */
export function startChild(machine: Machine, module: string, options: ChildOptions): BenchChild {
  const { part, args = [], env = {}, nodeOptions = [] } = options
  const child = fork(module, [...args], {
    env: { PATH: process.env.PATH, ...env },
    execArgv: ['--conditions=claimcheck-source', ...nodeOptions],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  })
  const { pid } = child
  if (pid === undefined) throw new Error(`${module} could not be started`)
  machine.pin(pid, part)
  const gone = once(child, 'exit')
  return {
    pid,
    ask<Answer>(question: unknown): Promise<Answer> {
      const answer = once(child, 'message').then(([message]) => message as Answer)
      const death = gone.then(([code, signal]) => {
        throw new Error(`${module} ended with ${signal ?? code} instead of answering`)
      })
      child.send(question as object)
      return Promise.race([answer, death as Promise<never>])
    },
    async stop() {
      child.kill('SIGTERM')
      await gone
    },
  }
}
