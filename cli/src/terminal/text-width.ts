/** Fits text into columns of a terminal, as people see its characters: wide scripts, emoji and combining marks. */
import textWidth from 'string-width'
import wrapAnsi from 'wrap-ansi'

export { textWidth }

/** The text, or as much of its beginning as fits with an ellipsis. */
export function fitText(text: string, width: number): string {
  if (textWidth(text) <= width) return text
  const [head] = wrapAnsi(text, width - 1, { hard: true, wordWrap: false, trim: false }).split('\n')
  return `${head}…`
}

/** Lines of at most this width, broken between words; a longer word is broken where it must be. */
export function wrapText(text: string, width: number): string[] {
  if (textWidth(text) <= width) return [text]
  // wrap-ansi composes decomposed letters, which makes another id of an id: these words stay as they are, even too long.
  if (text !== text.normalize()) return text.split(' ')
  return wrapAnsi(text, width, { hard: true }).split('\n')
}

/** The text with spaces up to the width. */
export function padText(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const spaces = ' '.repeat(Math.max(0, width - textWidth(text)))
  return align === 'right' ? spaces + text : text + spaces
}
