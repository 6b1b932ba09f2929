/** Parses JSON objects. */

/** The members of a JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>

/** Whether a value is an object, and not an array or null. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object; undefined when the text is anything else. The parser's message is dropped: it quotes the text. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    // Not JSON; the caller decides what that means.
    return undefined
  }
}
