/** Freezes JSON. */

/** Freezes a value and all it contains. A frozen value is skipped: parsed JSON is never frozen in parts. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
