/**
 * The runbook of docs/operations.md as a test reads it: blocks of commands and excerpts of what they print, in order.
 *
 * The parser is stricter than a shell: it knows words, quotes, `<` and `>`, and refuses everything else that has a meaning in a
 * shell, so that a test runs exactly what a reader gets by pasting the line.
 */

/** A fenced block. */
interface Block {
  readonly id: string
  /** Heading it stands under. */
  readonly section: string
  readonly lines: readonly string[]
}

/** The runbook. */
export interface Runbook {
  readonly commands: readonly Block[]
  /** By the id of the commands that print it. */
  readonly excerpts: readonly Block[]
  /** Fences that are neither. */
  readonly unmarked: readonly string[]
  /** Everything but the blocks. */
  readonly prose: string
}

/** A command line, taken apart. */
export interface CommandLine {
  readonly words: readonly string[]
  readonly stdinFile?: string
  readonly stdoutFile?: string
}

const FENCE = /^```(.*)\n([\s\S]*?)^```$/gm
const MARKER = /^(?:sh runbook|text shows)=([a-z][a-z-]*)$/
const PLACEHOLDER = /\b[A-Z]{2,}(?:_[A-Z]+)*\b/g
const WORD = /^(?:'([^']*)'|"([^"$`\\!]*)"|([\w@%+=:,./-]+))(?=\s|$)/

/** Reads the chapter of a page that has this title. */
export function readRunbook(page: string, title: string): Runbook {
  const [, chapter = ''] = page.split(`\n## ${title}\n`)
  const [text = ''] = chapter.split(/^## /m)
  const commands: Block[] = []
  const excerpts: Block[] = []
  const unmarked: string[] = []
  for (const { 1: info = '', 2: body = '', index } of text.matchAll(FENCE)) {
    const id = MARKER.exec(info)?.[1]
    const section = [...text.slice(0, index).matchAll(/^### (.*)$/gm)].at(-1)?.[1] ?? title
    if (id === undefined) unmarked.push(`${section}: \`\`\`${info}`)
    else (info.startsWith('sh') ? commands : excerpts).push({ id, section, lines: linesOf(body) })
  }
  return { commands, excerpts, unmarked, prose: text.replaceAll(FENCE, '') }
}

function linesOf(body: string): readonly string[] {
  return body.split('\n').filter((line) => line !== '')
}

/** Puts values in place of the words in capitals. @throws {Error} when one has none */
export function fillIn(line: string, values: Readonly<Record<string, () => string>>): string {
  return line.replaceAll(PLACEHOLDER, (name) => {
    const value = values[name]
    if (value === undefined) throw new Error(`the test knows no value for ${name}`)
    return value()
  })
}

/** Takes a line apart. @throws {Error} when a shell would see more in it than words */
export function parseCommandLine(line: string): CommandLine {
  const words: string[] = []
  const files: { stdinFile?: string; stdoutFile?: string } = {}
  let redirected: keyof typeof files | undefined
  for (let rest = line.trimStart(); rest !== ''; ) {
    const [sign = ''] = /^[<>](?=\s)/.exec(rest) ?? []
    const [whole = '', ...quoted] = sign === '' ? (WORD.exec(rest) ?? []) : []
    if (sign === '' && whole === '') throw new Error(`not a plain command: ${line}`)
    const word = quoted.find((part) => part !== undefined) ?? ''
    if (sign !== '') redirected = sign === '<' ? 'stdinFile' : 'stdoutFile'
    else if (redirected === undefined) words.push(word)
    else {
      files[redirected] = word
      redirected = undefined
    }
    rest = rest.slice(sign === '' ? whole.length : sign.length).trimStart()
  }
  if (redirected !== undefined) throw new Error(`no file to read or write: ${line}`)
  return { words, ...files }
}

const TIME = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ'
const REVOCATION_ID = 'rv_[\\w-]+'

/**
 * What an excerpt demands of an output, line by line: spaces stand for any number of them, `…` for anything, and alone on a
 * line for any number of lines.
 */
export function excerptPattern(
  lines: readonly string[],
  values: Readonly<Record<string, () => string>>,
): RegExp {
  const shapes = { TIME: () => '\u0001', REVOCATION_ID: () => '\u0002' }
  const patterns = lines.map((line) => {
    if (line.trim() === '…') return '(?:.*\\n)*?'
    const filled = fillIn(line.trim(), { ...values, ...shapes })
    const pattern = filled
      .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll(/ *… */g, '.*')
      .replaceAll(/ +/g, ' +')
      .replaceAll('\u0001', TIME)
      .replaceAll('\u0002', REVOCATION_ID)
    return ` *${pattern} *\\n(?: *\\n)*`
  })
  return new RegExp(`(?:^|\\n)${patterns.join('')}`)
}
