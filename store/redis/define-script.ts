/**
 * Typed calls of scripts. A definition repeats the names in a script's header, so that a call passes keys and arguments by
 * name and gets its reply by name; the compiler knows both. A definition that differs from the header stops the start.
 */
import { isDeepStrictEqual } from 'node:util'
import { StoreReplyError } from '../errors.ts'
import type { ScriptSignature } from './script-header.ts'
import type { RunScript, ScriptReply } from './script-runner.ts'
import { loadScripts } from './scripts.ts'

type Names<Text> = Text extends `${infer First}\n${infer Others}`
  ? Names<First> | Names<Others>
  : Text extends `${infer First} ${infer Others}`
    ? Names<First> | Names<Others>
    : Exclude<Text & string, ''>

type Rest<Name> = Name extends `...${infer ListName}` ? ListName : never

/** Keys and arguments of a call by name; a last argument `...name` is the list `name`. */
type Input<S extends ScriptSignature> = {
  readonly [Name in Names<S['keys']>]: string
} & {
  readonly [Name in Exclude<Names<S['args']>, `...${string}`>]: string | number
} & {
  readonly [Name in Rest<Names<S['args']>>]: readonly (string | number)[]
}

/** An input as the generic code sees it; numbers and lists are passed on as they are. */
type Values = Readonly<Record<string, string>>

type Row<Text> = { readonly [Name in Names<Text>]: string }

type OneOf<Replies> = {
  [Outcomes in keyof Replies]: { readonly outcome: Names<Outcomes> } & Row<Replies[Outcomes]>
}[keyof Replies]

/** The reply of a script by name. Numbers become texts; in a list, what does not exist is `null`. */
type Output<S extends ScriptSignature> = S extends { readonly replies: infer Replies }
  ? OneOf<Replies>
  : S extends { readonly list: string }
    ? readonly (string | null)[]
    : Row<S['row']> &
        (S extends { readonly rows: infer Rows }
          ? { readonly rows: readonly Row<Rows>[] }
          : unknown)

/**
 * Defines the call of one script in one round trip.
 *
 * @param definition the names in the header; outcomes with the same members may share an entry
 * @throws {TypeError} when there is no such script, or its header differs
 */
export function defineScript<const S extends ScriptSignature>(
  name: string,
  definition: S,
): (run: RunScript, input: Input<S>) => Promise<Output<S>> {
  const signature = normalize(definition)
  const header = loadScripts().find((script) => script.name === name)?.signature
  if (!isDeepStrictEqual(signature, header)) {
    const [defined, listed] = [signature, header].map((one) => JSON.stringify(one))
    throw new TypeError(`the script ${name} is defined as ${defined}, its header says ${listed}`)
  }
  const keys = namesOf(signature.keys)
  const [fixed = '', rest] = signature.args.split('...')
  const args = namesOf(fixed)
  const read = readerOf(name, signature)
  const call = (run: RunScript, input: Values) => {
    const values = pick(input, args)
    const list = rest === undefined ? '' : input[rest]
    return run(name, pick(input, keys), list?.length ? values.concat(list) : values).then(read)
  }
  return call as (run: RunScript, input: Input<S>) => Promise<Output<S>>
}

/** Says that a script returned what this version does not know. */
export function unknownReply(name: string, reply: unknown): StoreReplyError {
  return new StoreReplyError(`${name} answered ${JSON.stringify(reply)}`)
}

function namesOf(text: string): readonly string[] {
  return text.split(/\s+/).filter((name) => name !== '')
}

function normalize({ args, replies, ...signature }: ScriptSignature): ScriptSignature {
  const single = { ...signature, args: namesOf(args).join(' ') }
  if (replies === undefined) return single
  const entries = Object.entries(replies).flatMap(([outcomes, members]) =>
    namesOf(outcomes).map((outcome) => [outcome, members] as const),
  )
  return { ...single, replies: Object.fromEntries(entries) }
}

function pick(input: Values, names: readonly string[]): string[] {
  const values = new Array<string>(names.length)
  for (let i = 0; i < names.length; i++) values[i] = input[names[i] ?? ''] ?? ''
  return values
}

function readerOf(
  name: string,
  { replies, row = '', rows, list }: ScriptSignature,
): (reply: ScriptReply) => unknown {
  if (list !== undefined)
    return (reply) => reply.map((value) => (value === null ? null : String(value)))
  if (replies !== undefined) return outcomeReader(name, replies)
  const first = namesOf(row)
  if (rows === undefined) return (reply) => readRow(first, reply, 0)
  const group = namesOf(rows)
  return (reply) => {
    const repeated: unknown[] = []
    for (let start = first.length; start < reply.length; start += group.length) {
      repeated.push(readRow(group, reply, start))
    }
    if (reply.length !== first.length + repeated.length * group.length)
      throw unknownReply(name, reply)
    return { ...readRow(first, reply, 0), rows: repeated }
  }
}

function outcomeReader(name: string, replies: Readonly<Record<string, string>>) {
  const names = new Map<unknown, readonly string[]>(
    Object.entries(replies).map(([outcome, members]) => [
      outcome,
      ['outcome', ...namesOf(members)],
    ]),
  )
  return (reply: ScriptReply) => {
    const known = names.get(reply[0])
    if (known?.length !== reply.length) throw unknownReply(name, reply[0])
    return readRow(known, reply, 0)
  }
}

function readRow(names: readonly string[], values: ScriptReply, start: number): Values {
  const row: Record<string, string> = {}
  for (let i = 0; i < names.length; i++) {
    const value = values[start + i] ?? ''
    row[names[i] ?? ''] = typeof value === 'string' ? value : String(value)
  }
  return row
}
