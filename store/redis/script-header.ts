/**
 * Reads the names in the header of a script: its keys, its arguments and its replies. The first code lines must give keys
 * and arguments the same names; nothing below them may use KEYS or ARGV.
 *
 *   -- KEYS                          -- Returns one of                 or  -- Returns a row of (a name per line)
 *   --   head                        --   issued issued_us expires_at      -- Followed by rows of (a name per line)
 *   -- ARGV                          --   unknown: an explanation      or  -- Returns rows of (a name per line)
 *   --   base: an explanation                                          or  -- Returns a list of values
 *   --   ...contexts
 */

/** The names of a script, in camel case. Each text is a list of names with white space between them. */
export interface ScriptSignature {
  readonly keys: string
  /** A last argument `...name` takes any number of values. */
  readonly args: string
  /** Outcomes, each with the names of what follows it in the reply. */
  readonly replies?: Readonly<Record<string, string>>
  /** The names of a reply without outcomes. Empty values at its end may be left out. */
  readonly row?: string
  /** The names of a group of values that is repeated, alone or behind a row. */
  readonly rows?: string
  /** What the values of a plain list are. */
  readonly list?: string
}

const HEADING = /^-- (\S.*)$/
/** Names, then perhaps a colon and an explanation; a line that is indented further continues the explanation. */
const ENTRY = /^-- {3}([^\s:][^:]*)(?::.*)?$/
const HEAD =
  /^local ([\w,\s]+?) = unpack\(KEYS\)\n(?:local ([\w,\s]+?) = unpack\(ARGV\)\n)?(?:local (\w+) = \{ unpack\(ARGV, (\d+)\) \}\n)?/

/**
 * @param script the text of a script, includes not yet replaced
 * @throws {TypeError} when header and code disagree; the message begins behind the name of the script
 */
export function parseScript(script: string): ScriptSignature {
  const lines = script.split('\n')
  const codeStart = lines.findIndex((line) => !/^(?:-- |#!)/.test(line))
  const sections = parseSections(lines.slice(0, codeStart))
  const [keys, args] = [sections.get('KEYS'), sections.get('ARGV')].map((names) => names?.join(' '))
  if (keys === undefined || args === undefined) throw new TypeError('lists no KEYS or no ARGV')
  const code = lines.slice(codeStart).filter((line) => !line.startsWith('--- @include'))
  checkCode(code.join('\n'), keys, args)
  return { keys, args, ...replyOf(sections) }
}

/** @throws {TypeError} when code uses a key or an argument by its number */
export function assertNamed(code: string): void {
  const [use] = /\b(?:KEYS|ARGV)\b/.exec(code) ?? []
  if (use !== undefined) throw new TypeError(`uses ${use} below its first lines`)
}

function parseSections(header: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const sections = new Map<string, string[]>()
  let entries: string[] = []
  for (const line of header) {
    const [, heading] = HEADING.exec(line) ?? []
    const [, names] = ENTRY.exec(line) ?? []
    if (heading !== undefined) {
      entries = []
      sections.set(heading, entries)
    } else if (names !== undefined) {
      entries.push(toCamelCase(names))
    }
  }
  return sections
}

function replyOf(sections: ReadonlyMap<string, readonly string[]>) {
  const outcomes = sections.get('Returns one of')?.map((entry) => entry.split(' '))
  const row = sections.get('Returns a row of')?.join(' ')
  const rows = (sections.get('Returns rows of') ?? sections.get('Followed by rows of'))?.join(' ')
  const [list] = [...sections.keys()].flatMap(
    (heading) => /^Returns a list of (\w+)$/.exec(heading)?.[1] ?? [],
  )
  if ([outcomes, row, rows, list].every((part) => part === undefined)) {
    throw new TypeError('does not say in its header what it returns')
  }
  return {
    ...(outcomes && {
      replies: Object.fromEntries(outcomes.map(([name, ...names]) => [name, names.join(' ')])),
    }),
    ...(row && { row }),
    ...(rows && { rows }),
    ...(list && { list }),
  }
}

function checkCode(code: string, keys: string, args: string): void {
  const [head = '', keyNames = '', argNames = '', rest, restStart] = HEAD.exec(code) ?? []
  const unpacked = [argNames, ...(rest === undefined ? [] : [`...${rest}`])]
  const [usedKeys, usedArgs] = [keyNames, unpacked.join(' ')].map((names) =>
    toCamelCase(names.replaceAll(',', ' ')),
  )
  if (usedKeys !== keys || usedArgs !== args) {
    throw new TypeError(
      `lists "${keys}" and "${args}" in its header and unpacks "${usedKeys}" and "${usedArgs}"`,
    )
  }
  const count = args.split(' ').length
  if (rest !== undefined && Number(restStart) !== count) {
    throw new TypeError(`unpacks "${rest}" from ARGV ${restStart}, its header from ${count}`)
  }
  assertNamed(code.slice(head.length))
}

function toCamelCase(names: string): string {
  return names
    .trim()
    .replace(/\s+/g, ' ')
    .replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}
