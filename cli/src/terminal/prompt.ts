/**
 * Asks the person at the terminal. Questions go to standard error, so that results can be piped on. Where there is no
 * person there is no question: the caller finds out beforehand with `isInteractive`.
 */
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import type { Environment } from '../environment.ts'
import { interruption, refused } from '../exit.ts'
import { makeVisible } from './visible.ts'

/** Asks questions. */
export interface Prompt {
  /** Whether somebody can see the question and answer it. */
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
      // Only now that the terminal has stopped to echo: who answers at once would see a secret on the screen. Written by
      // itself and not by readline, which redraws it and would need to know its width.
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
