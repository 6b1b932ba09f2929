/** A line of NDJSON as text and value, or why it is none. What it says is for others to judge. */
import { isUtf8 } from 'node:buffer'
import type { Line } from './line-splitter.ts'

/** What was read of a line. */
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
    // V8's own message quotes the line.
    return { kind: 'not-json' }
  }
}
