/**
 * Typed calls of scripts. A definition repeats the names of a script's header, so that a call passes keys and arguments by
 * name and gets its reply by name; the compiler knows both. A definition that differs from the header stops the start.
 */
import { isDeepStrictEqual } from 'node:util'
import { StoreReplyError } from '../errors.ts'
import type { ScriptSignature } from './script-header.ts'
import type { RunScript, ScriptReply } from './script-runner.ts'
import { loadScripts } from './scripts.ts'

/** An argument of a script. */
export type ScriptArgument = string | number

/** Keys and arguments of a call by name; a last argument `...name` is the list `name`. */
export type ScriptInput<S extends ScriptSignature> = {
  readonly [Key in S['keys'][number]]: string
} & {
  readonly [Arg in S['args'][number] as Arg extends `...${infer Rest}`
    ? Rest
    : Arg]: Arg extends `...${string}` ? readonly ScriptArgument[] : ScriptArgument
}

type Row<Names> = Names extends readonly string[]
  ? { readonly [Name in Names[number]]: string }
  : unknown

/** The reply of a script by name. Numbers in a reply become texts; in a list, what does not exist is `null`. */
export type ScriptOutput<S extends ScriptSignature> =
  S['replies'] extends Readonly<Record<string, readonly string[]>>
    ? {
        [Outcome in keyof S['replies']]: { readonly outcome: Outcome } & Row<S['replies'][Outcome]>
      }[keyof S['replies']]
    : S['list'] extends string
      ? readonly (string | null)[]
      : Row<S['row']> &
          (S['rows'] extends readonly string[]
            ? { readonly rows: readonly Row<S['rows']>[] }
            : unknown)

/** Calls one script in one round trip. */
export type ScriptCall<S extends ScriptSignature> = (
  run: RunScript,
  input: ScriptInput<S>,
) => Promise<ScriptOutput<S>>

/**
 * Defines the typed call of a script.
 *
 * @throws {TypeError} when there is no such script, or its header differs
 */
export function defineScript<const S extends ScriptSignature>(
  name: string,
  signature: S,
): ScriptCall<S> {
  const script = loadScripts().find((one) => one.name === name)
  if (script === undefined) throw new TypeError(`there is no script ${name}`)
  assertSame(name, signature, script.signature)
  const { keys } = signature
  const fixed = signature.args.filter((arg) => !arg.startsWith('...'))
  const rest = signature.args.find((arg) => arg.startsWith('...'))?.slice('...'.length)
  const read = readerOf(name, signature)
  const call = (run: RunScript, input: Readonly<Record<string, unknown>>) => {
    const args = pick(input, fixed)
    const all = rest === undefined ? args : args.concat(input[rest])
    return run(name, pick(input, keys) as string[], all as ScriptArgument[]).then(read)
  }
  return call as ScriptCall<S>
}

/** Says that a script returned what this version does not know. */
export function unknownReply(name: string, reply: unknown): StoreReplyError {
  return new StoreReplyError(`${name} answered ${JSON.stringify(reply)}`)
}

function assertSame(name: string, definition: ScriptSignature, header: ScriptSignature): void {
  for (const part of ['keys', 'args', 'replies', 'row', 'rows', 'list'] as const) {
    if (isDeepStrictEqual(definition[part], header[part])) continue
    const [defined, listed] = [definition, header].map((one) => JSON.stringify(one[part]))
    throw new TypeError(`${name} is defined with the ${part} ${defined}, its header has ${listed}`)
  }
}

function pick(input: Readonly<Record<string, unknown>>, names: readonly string[]): unknown[] {
  const values: unknown[] = []
  for (const name of names) values.push(input[name])
  return values
}

function readerOf(name: string, signature: ScriptSignature): (reply: ScriptReply) => unknown {
  const { replies, row = [], rows } = signature
  if (signature.list !== undefined) {
    return (reply) => reply.map((value) => (value === null ? null : String(value)))
  }
  if (replies !== undefined) return outcomeReader(name, replies)
  if (rows === undefined) return (reply) => readRow(row, reply, 0)
  return (reply) => {
    if (reply.length < row.length || (reply.length - row.length) % rows.length !== 0) {
      throw unknownReply(name, reply)
    }
    const repeated: unknown[] = []
    for (let start = row.length; start < reply.length; start += rows.length) {
      repeated.push(readRow(rows, reply, start))
    }
    return { ...readRow(row, reply, 0), rows: repeated }
  }
}

function outcomeReader(
  name: string,
  replies: Readonly<Record<string, readonly string[]>>,
): (reply: ScriptReply) => unknown {
  const namesByOutcome = new Map<unknown, readonly string[]>(
    Object.entries(replies).map(([outcome, members]) => [outcome, ['outcome', ...members]]),
  )
  return (reply) => {
    const names = namesByOutcome.get(reply[0])
    if (names?.length !== reply.length) throw unknownReply(name, reply[0])
    return readRow(names, reply, 0)
  }
}

function readRow(
  names: readonly string[],
  values: ScriptReply,
  start: number,
): Readonly<Record<string, string>> {
  const row: Record<string, string> = {}
  let index = start
  for (const name of names) row[name] = String(values[index++] ?? '')
  return row
}
