/**
 * Tells whether a JSON text names a member of an object twice. `JSON.parse` keeps the last of them without a word where
 * another parser keeps the first, so what a gateway has looked at would not be what is decided here (RFC 7493 §2.3).
 *
 * No parser: the text is one that `JSON.parse` took, so with its strings taken whole each brace left is structure, and each
 * string before a colon a name. A reviver could not tell, since it sees what was kept. To count what was kept against the
 * colons would do, were it not that V8 reads some escaped names wrongly (nodejs/node#63785).
 */

/** A string, a name where a colon follows, or a brace: outside of strings JSON has no quotation mark. */
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
