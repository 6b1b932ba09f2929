/** Reads one line of NDJSON, without checking it against a schema. */
import { isUtf8 } from 'node:buffer'
import type { Line } from './line-splitter.ts'

/** What a line holds: a value with its text, or the reason why there is none. */
export type JsonLine =
  | { readonly kind: 'value'; readonly value: unknown; readonly json: string }
  | { readonly kind: 'too-long' }
  | { readonly kind: 'not-utf8' }
  | { readonly kind: 'not-json' }

/** Reads a line. */
export function readJsonLine(line: Line): JsonLine {
  if (line === 'too-long') return { kind: line }
  if (!isUtf8(line)) return { kind: 'not-utf8' }
  const json = line.toString('utf8')
  try {
    return { kind: 'value', value: JSON.parse(json), json }
  } catch {
    // V8's message would quote the line.
    return { kind: 'not-json' }
  }
}
