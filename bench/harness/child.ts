/** Node processes of a measurement: started on the cores of their part, controlled by messages, stopped with the scope. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Part } from './machine.ts'
import type { Bench } from './measure.ts'

/** A running process. */
export interface BenchChild {
  readonly pid: number
  /** Sends a message and resolves with the next message from the process. */
  ask<Answer>(question: unknown): Promise<Answer>
}

/** How to start one. */
export interface ChildOptions {
  readonly part: Part
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Further options of Node, such as `--expose-gc`. */
  readonly nodeOptions?: readonly string[]
}

/** Starts a module in its own process. What it prints to standard error is shown. */
export function startChild(
  { machine, atEnd }: Bench,
  module: string,
  { part, args = [], env = {}, nodeOptions = [] }: ChildOptions,
): BenchChild {
  const child = fork(module, [...args], {
    env: { PATH: process.env.PATH, ...env },
    execArgv: ['--conditions=claimcheck-source', ...nodeOptions],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  })
  const { pid } = child
  if (pid === undefined) throw new Error(`${module} could not be started`)
  const exited = once(child, 'exit')
  atEnd(async () => {
    child.kill('SIGTERM')
    await exited
  })
  machine.pin(pid, part)
  return {
    pid,
    ask<Answer>(question: unknown): Promise<Answer> {
      const answer = once(child, 'message').then(([message]) => message as Answer)
      const death = exited.then(([code, signal]) => {
        throw new Error(`${module} ended with ${signal ?? code} instead of answering`)
      })
      child.send(question as object)
      return Promise.race([answer, death as Promise<never>])
    },
  }
}
