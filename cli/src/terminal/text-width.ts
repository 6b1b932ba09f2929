/** Fits text into the columns of a terminal. Wide scripts, emoji and combining marks are counted as people see them. */
import textWidth from 'string-width'
import wrapAnsi from 'wrap-ansi'

export { textWidth }

/** The text, cut with an ellipsis when it is wider. */
export function fitText(text: string, width: number): string {
  if (textWidth(text) <= width) return text
  const [head] = wrapAnsi(text, width - 1, { hard: true, wordWrap: false, trim: false }).split('\n')
  return `${head}…`
}

/** Lines of at most this width, broken between words. A word that is wider is broken too. */
export function wrapText(text: string, width: number): string[] {
  if (textWidth(text) <= width) return [text]
  // wrap-ansi composes decomposed letters (NFC), which would change an id: such words are kept, even when too long.
  if (text !== text.normalize()) return text.split(' ')
  return wrapAnsi(text, width, { hard: true }).split('\n')
}

/** The text, padded with spaces to the width. */
export function padText(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const spaces = ' '.repeat(Math.max(0, width - textWidth(text)))
  return align === 'right' ? spaces + text : text + spaces
}
