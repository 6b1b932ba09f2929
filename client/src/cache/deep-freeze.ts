/** Freezes JSON throughout. */

/** What is frozen already is taken to be frozen throughout: JSON that was parsed is not frozen in parts. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
