/**
 * Splits the chunks of a body into lines. A line ends in LF or CRLF; the last one may lack it. A byte order mark before the first
 * line is dropped. A line that is too long is reported as such and not kept, so at most one line of the longest length is held
 * between two chunks. Encodings are not checked.
 */

const LF = 0x0a
const CR = 0x0d
const BYTE_ORDER_MARK = Buffer.from('\ufeff')

/** A line without its end. It may share memory with the chunk it came in. */
export type Line = Buffer | 'too-long'

/** Splits one body. */
export interface LineSplitter {
  /** The lines that end in this chunk, in order. */
  push(chunk: Buffer): Line[]
  /** The last line, if it has no line end. */
  end(): Line[]
}

/** Makes a splitter for lines of at most so many bytes, without the line end. */
export function createLineSplitter(maxLineBytes: number): LineSplitter {
  const held = Buffer.alloc(BYTE_ORDER_MARK.length + maxLineBytes + 1)
  let heldBytes = 0
  let isTooLong = false
  let isFirst = true

  function hold(part: Buffer): void {
    if (heldBytes + part.length > held.length) isTooLong = true
    else heldBytes += part.copy(held, heldBytes)
  }

  function finish(part: Buffer): Line {
    const isWhole = heldBytes === 0 && !isTooLong
    if (!isWhole) hold(part)
    const line = isWhole ? part : Buffer.from(held.subarray(0, heldBytes))
    const text = withoutMarks(line, isFirst)
    const result = isTooLong || text.length > maxLineBytes ? 'too-long' : text
    heldBytes = 0
    isTooLong = false
    isFirst = false
    return result
  }

  return {
    push(chunk) {
      const lines: Line[] = []
      let start = 0
      for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
        lines.push(finish(chunk.subarray(start, end)))
        start = end + 1
      }
      if (start < chunk.length) hold(chunk.subarray(start))
      return lines
    },

    end() {
      return heldBytes === 0 && !isTooLong ? [] : [finish(Buffer.alloc(0))]
    },
  }
}

function withoutMarks(line: Buffer, isFirst: boolean): Buffer {
  const start = isFirst && line.indexOf(BYTE_ORDER_MARK) === 0 ? BYTE_ORDER_MARK.length : 0
  const end = line.at(-1) === CR ? line.length - 1 : line.length
  return line.subarray(start, Math.max(start, end))
}
