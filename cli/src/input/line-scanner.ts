/**
 * Cuts bytes into lines of UTF-8, piece by piece: LF or CRLF, with or without one at the end, with or without a byte
 * order mark, UTF-16 with one. A line that is too long is told once and passed over, so that a file without any line end
 * takes no more memory than one with.
 */

/** A line that says something: its number, counted from 1, and the bytes from the beginning to right behind it. */
export interface ScannedLine {
  readonly number: number
  readonly end: number
  /** What is in it; undefined when it is too long or not Unicode. */
  readonly text: string | undefined
  readonly problem?: 'too-long' | 'not-unicode'
}

/** Cuts the next piece. */
export interface LineScanner {
  push(piece: Uint8Array): ScannedLine[]
  /** The last line, if it had no end. */
  end(): ScannedLine[]
}

const LF = 0x0a
const NOTHING = Buffer.alloc(0)

/** Makes a scanner. Blank lines count but are not handed out. */
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
      // An even number goes, so that halves of UTF-16 characters stay in step.
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
        // Three bytes tell; fewer can only be a very short file.
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
  /** Whether the terminator at this place is one, and not two halves of other characters. */
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
      // Malformed bytes: told with the line's number by whoever reads it.
      return undefined
    }
  }
}
