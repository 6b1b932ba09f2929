/**
 * Splits bytes into lines, piece by piece. It reads UTF-8 with or without a byte order mark and UTF-16 with one, LF and
 * CRLF, and a last line without line end. A line that is too long is reported once and skipped, so a file without line
 * ends takes no more memory than one with.
 */

/** A line that is not blank. `number` counts from 1; `end` is the number of bytes up to the end of the line. */
export interface ScannedLine {
  readonly number: number
  readonly end: number
  /** The trimmed text; undefined when the line is too long or not Unicode. */
  readonly text: string | undefined
  readonly problem?: 'too-long' | 'not-unicode'
}

/** Splits a stream. */
export interface LineScanner {
  /** Takes the next piece. */
  push(piece: Uint8Array): ScannedLine[]
  /** The last line, if it has no line end. */
  end(): ScannedLine[]
}

const LF = 0x0a
const NOTHING = Buffer.alloc(0)

/** Makes a scanner. Blank lines are counted but not returned. */
export function createLineScanner(maxLineBytes: number): LineScanner {
  let encoding: TextEncoding | undefined
  let kept: Buffer = NOTHING
  let isSkipping = false
  let number = 0
  let position = 0

  function lineOf(bytes: Buffer): ScannedLine[] {
    number += 1
    const isTooLong = isSkipping || bytes.length > maxLineBytes
    isSkipping = false
    if (isTooLong) return [{ number, end: position, text: undefined, problem: 'too-long' }]
    const text = encoding?.decode(bytes)
    if (text === undefined) {
      return [{ number, end: position, text: undefined, problem: 'not-unicode' }]
    }
    const trimmed = text.trim()
    return trimmed === '' ? [] : [{ number, end: position, text: trimmed }]
  }

  function cut(window: Buffer, { terminator, isTerminator }: TextEncoding): ScannedLine[] {
    const lines: ScannedLine[] = []
    let from = 0
    for (let at = window.indexOf(terminator); at !== -1; at = window.indexOf(terminator, at + 1)) {
      if (!isTerminator(at)) continue
      position += at + terminator.length - from
      lines.push(...lineOf(window.subarray(from, at)))
      from = at + terminator.length
    }
    kept = Buffer.from(window.subarray(from))
    if (kept.length > maxLineBytes) {
      isSkipping = true
      // An even number of bytes is dropped, to keep UTF-16 characters whole.
      const gone = kept.length - (kept.length % 2)
      position += gone
      kept = Buffer.from(kept.subarray(gone))
    }
    return lines
  }

  return {
    push(piece) {
      let window = kept.length === 0 ? Buffer.from(piece) : Buffer.concat([kept, piece])
      if (encoding === undefined) {
        // The byte order mark has three bytes at most; a file may be shorter.
        if (window.length < 3) {
          kept = window
          return []
        }
        encoding = encodingOf(window)
        window = window.subarray(encoding.mark)
        position = encoding.mark
      }
      return cut(window, encoding)
    },
    end() {
      if (encoding === undefined) {
        encoding = encodingOf(kept)
        const lines = cut(kept.subarray(encoding.mark), encoding)
        return [...lines, ...last()]
      }
      return last()
    },
  }

  function last(): ScannedLine[] {
    if (kept.length === 0 && !isSkipping) return []
    position += kept.length
    const bytes = kept
    kept = NOTHING
    return lineOf(bytes)
  }
}

interface TextEncoding {
  /** Bytes of the byte order mark. */
  readonly mark: number
  readonly terminator: Buffer
  /** Whether the bytes found here are a line end, and not halves of two UTF-16 characters. */
  readonly isTerminator: (at: number) => boolean
  readonly decode: (bytes: Buffer) => string | undefined
}

function encodingOf(start: Buffer): TextEncoding {
  if (start[0] === 0xff && start[1] === 0xfe) return utf16('utf-16le', [LF, 0])
  if (start[0] === 0xfe && start[1] === 0xff) return utf16('utf-16be', [0, LF])
  const hasMark = start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf
  return {
    mark: hasMark ? 3 : 0,
    terminator: Buffer.from([LF]),
    isTerminator: () => true,
    decode: decoderOf('utf-8'),
  }
}

function utf16(label: string, terminator: readonly number[]): TextEncoding {
  return {
    mark: 2,
    terminator: Buffer.from(terminator),
    isTerminator: (at) => at % 2 === 0,
    decode: decoderOf(label),
  }
}

function decoderOf(label: string): (bytes: Buffer) => string | undefined {
  const decoder = new TextDecoder(label, { fatal: true, ignoreBOM: true })
  return (bytes) => {
    try {
      return decoder.decode(bytes)
    } catch {
      // Malformed bytes: the caller reports them with the number of the line.
      return undefined
    }
  }
}
