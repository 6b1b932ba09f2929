/**
 * How many columns of a terminal a text takes, and how to fit it into fewer without cutting a character in two. Counts what
 * people see as one character (a grapheme); wide ones of East Asian scripts and emoji take two columns.
 */

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

const PLAIN = /^[\x20-\x7e]*$/
const WIDE =
  /^(?:\p{Emoji_Presentation}|.\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f1e6}-\u{1f1ff}\u{20000}-\u{3fffd}])/u
const NOTHING = /^[\p{Mark}\p{Cf}]+$/u

/** Columns that a text takes. */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment)
  return width
}

/** The text, or as much of its beginning as fits with an ellipsis. */
export function fitText(text: string, width: number): string {
  if (textWidth(text) <= width) return text
  const { head } = splitAt(text, Math.max(0, width - 1))
  return `${head}…`.slice(0, width > 0 ? undefined : 0)
}

/** Lines of at most this width, broken between words; a longer word is broken where it must be. */
export function wrapText(text: string, width: number): string[] {
  if (textWidth(text) <= width) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (textWidth(longer) <= width) {
      line = longer
      continue
    }
    if (line !== '') lines.push(line)
    line = word
    while (textWidth(line) > width) {
      const { head, rest } = splitAt(line, width)
      lines.push(head)
      line = rest
    }
  }
  return line === '' ? lines : [...lines, line]
}

/** The text with spaces up to the width. */
export function padText(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - textWidth(text)))
}

function splitAt(text: string, width: number): { readonly head: string; readonly rest: string } {
  let taken = 0
  for (const { segment, index } of graphemes.segment(text)) {
    taken += graphemeWidth(segment)
    // At least one character a line, or a narrow terminal would never get to the end.
    if (taken > width && index > 0) return { head: text.slice(0, index), rest: text.slice(index) }
  }
  return { head: text, rest: '' }
}

function graphemeWidth(grapheme: string): number {
  if (NOTHING.test(grapheme)) return 0
  return WIDE.test(grapheme) ? 2 : 1
}
