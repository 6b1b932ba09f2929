/**
 * Reads what the header of a script promises: its keys, its arguments and its replies, one name per line. The first code
 * lines of the script must give its keys and arguments the same names; nothing below them may use KEYS or ARGV.
 *
 *   -- KEYS                          -- Returns one of                 or  -- Returns a row of (a name per line)
 *   --   head                        --   issued issued_us expires_at      -- Followed by rows of (a name per line)
 *   -- ARGV                          --   unknown: an explanation      or  -- Returns rows of (a name per line)
 *   --   base: an explanation                                          or  -- Returns a list of values
 *   --   ...contexts
 */

/** What a script takes and returns. Names are in camel case; a last argument `...name` stands for any number of values. */
export interface ScriptSignature {
  readonly keys: readonly string[]
  readonly args: readonly string[]
  /** The outcomes, each with the names of what follows it in the reply. */
  readonly replies?: Readonly<Record<string, readonly string[]>>
  /** The names of a reply without outcomes; empty values at its end may be left out. */
  readonly row?: readonly string[]
  /** The names of a group that is repeated, alone or behind a row. */
  readonly rows?: readonly string[]
  /** What the values of a plain list are. */
  readonly list?: string
}

const HEADING = /^-- (\S.*)$/
/** Words, then perhaps a colon and an explanation; a line that is indented further continues the explanation. */
const ENTRY = /^-- {3}([^\s:][^:]*)(?::.*)?$/
const LIST = 'Returns a list of '
const KEYS_LINE = /^local ([\w,\s]+?) = unpack\(KEYS\)\n/
const ARGS_LINE = /^local ([\w,\s]+?) = unpack\(ARGV\)\n/
const REST_LINE = /^local (\w+) = \{ unpack\(ARGV, (\d+)\) \}\n/

/**
 * @param script the text of a script, includes not yet replaced
 * @throws {TypeError} when header and code disagree; the message lacks the name of the script
 */
export function parseScript(script: string): ScriptSignature {
  const lines = script.split('\n')
  const codeStart = lines.findIndex((line) => !line.startsWith('#!') && !line.startsWith('-- '))
  const sections = parseSections(lines.slice(0, codeStart))
  const keys = firstWords(sections, 'KEYS')
  const args = firstWords(sections, 'ARGV')
  const code = lines.slice(codeStart).filter((line) => !line.startsWith('--- @include'))
  checkCode(code.join('\n'), keys, args)
  return { keys: keys.map(toCamelCase), args: args.map(toCamelCase), ...parseReply(sections) }
}

type Sections = ReadonlyMap<string, readonly (readonly string[])[]>

function parseSections(header: readonly string[]): Sections {
  const sections = new Map<string, string[][]>()
  let entries: string[][] = []
  for (const line of header) {
    const [, heading] = HEADING.exec(line) ?? []
    const [, words] = ENTRY.exec(line) ?? []
    if (heading !== undefined) {
      entries = []
      sections.set(heading, entries)
    } else if (words !== undefined) {
      entries.push(words.trim().split(/\s+/))
    }
  }
  return sections
}

function firstWords(sections: Sections, heading: string): readonly string[] {
  const entries = sections.get(heading)
  if (entries === undefined) throw new TypeError(`has no section ${heading} in its header`)
  return entries.flatMap(([name = '']) => name)
}

function parseReply(sections: Sections): Omit<ScriptSignature, 'keys' | 'args'> {
  const names = (heading: string) => firstWords(sections, heading).map(toCamelCase)
  if (sections.has('Returns one of')) {
    const outcomes = sections.get('Returns one of') ?? []
    return {
      replies: Object.fromEntries(
        outcomes.map(([outcome, ...members]) => [outcome, members.map(toCamelCase)]),
      ),
    }
  }
  if (sections.has('Returns rows of')) return { rows: names('Returns rows of') }
  if (sections.has('Followed by rows of')) {
    return { row: names('Returns a row of'), rows: names('Followed by rows of') }
  }
  if (sections.has('Returns a row of')) return { row: names('Returns a row of') }
  const list = [...sections.keys()].find((heading) => heading.startsWith(LIST))
  if (list === undefined) throw new TypeError('does not say in its header what it returns')
  return { list: list.slice(LIST.length) }
}

function checkCode(code: string, keys: readonly string[], args: readonly string[]): void {
  const rest = args.find((name) => name.startsWith('...'))
  const fixed = args.filter((name) => name !== rest)
  let below = take(code, KEYS_LINE, keys, 'KEYS')
  if (fixed.length > 0) below = take(below, ARGS_LINE, fixed, 'ARGV')
  if (rest !== undefined) {
    const [line = '', name, start] = REST_LINE.exec(below) ?? []
    if (args.at(-1) !== rest || `...${name}` !== rest || Number(start) !== args.length) {
      throw new TypeError(`does not unpack ${rest} from ARGV ${args.length} in its first lines`)
    }
    below = below.slice(line.length)
  }
  assertNamed(below)
}

/** Takes the line off that names keys or arguments. */
function take(code: string, line: RegExp, names: readonly string[], of: 'KEYS' | 'ARGV'): string {
  const [text = '', unpacked = ''] = line.exec(code) ?? []
  if (unpacked.split(/,\s*/).join(' ') !== names.join(' ')) {
    throw new TypeError(
      `lists the ${of} "${names.join(' ')}" in its header and unpacks "${unpacked}"`,
    )
  }
  return code.slice(text.length)
}

/** @throws {TypeError} when code uses a key or an argument by its number */
export function assertNamed(code: string): void {
  const [use] = /\b(?:KEYS|ARGV)\b/.exec(code) ?? []
  if (use !== undefined) throw new TypeError(`uses ${use} below its first lines`)
}

function toCamelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}
