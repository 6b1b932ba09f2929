/**
 * Checks whether a JSON text names a member of an object twice. `JSON.parse` silently keeps the last one where another parser
 * keeps the first, so a gateway may have checked another value than the one used here (RFC 7493 §2.3).
 *
 * The text has been accepted by `JSON.parse`. So, outside of strings, each brace is structure, and each string before a colon
 * is a name: no parser is needed. A reviver does not help, since it sees only the members that were kept. Comparing the
 * number of kept members with the number of colons fails because V8 misreads some escaped names (nodejs/node#63785).
 */

/** A string (a name if a colon follows) or a brace. */
const PIECE = /("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}]/g

/** @param json valid JSON */
export function hasUniqueNames(json: string): boolean {
  const objects: Set<string>[] = []
  for (const [piece, text, colon] of json.matchAll(PIECE)) {
    if (piece === '{') objects.push(new Set())
    else if (piece === '}') objects.pop()
    else if (text !== undefined && colon !== undefined && !isNew(objects.at(-1), text)) return false
  }
  return true
}

function isNew(names: Set<string> | undefined, text: string): boolean {
  const name = text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1)
  if (names === undefined || names.has(name)) return false
  names.add(name)
  return true
}
