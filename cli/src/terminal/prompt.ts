/**
 * Asks the person at the terminal, on standard error. The caller checks `isInteractive` first: without a terminal there is
 * nobody to ask.
 */
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import type { Environment } from '../environment.ts'
import { interruption, refused } from '../exit.ts'
import { makeVisible } from './visible.ts'

/** Asks questions. */
export interface Prompt {
  /** Whether there is a terminal to ask on. */
  readonly isInteractive: boolean
  ask(question: string): Promise<string>
  /** The answer is not shown while it is typed. */
  askHidden(question: string): Promise<string>
}

type PromptEnvironment = Pick<Environment, 'stdin' | 'stderr' | 'interrupted'>

/** Makes the prompt of a run. */
export function createPrompt({ stdin, stderr, interrupted }: PromptEnvironment): Prompt {
  function read(question: string, echo: Writable): Promise<string> {
    return new Promise((done, fail) => {
      const reader = createInterface({ input: stdin, output: echo, terminal: true, historySize: 0 })
      // Written only after the terminal has stopped echoing, or a secret typed at once would be visible. Not written by
      // readline, which redraws a prompt and miscounts its width.
      stderr.write(makeVisible(question))
      const end = (settle: () => void) => {
        reader.off('close', leave)
        interrupted.removeEventListener('abort', stop)
        reader.close()
        if (echo !== stderr) stderr.write('\n')
        settle()
      }
      /** Ctrl-D. */
      const leave = () => end(() => fail(refused('no answer was given', 'Nothing was changed.')))
      const stop = () => end(() => fail(interruption('Nothing was changed.')))
      interrupted.addEventListener('abort', stop, { once: true })
      reader.once('SIGINT', () => {
        stderr.write('\n')
        stop()
      })
      reader.once('line', (answer) => end(() => done(answer)))
      reader.once('close', leave)
    })
  }

  return {
    isInteractive: stdin.isTTY === true && stderr.isTTY === true,
    ask: (question) => read(question, stderr),
    askHidden: (question) =>
      read(question, new Writable({ write: (_text, _encoding, done) => done() })),
  }
}
