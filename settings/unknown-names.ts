/** Names that begin with CLAIMCHECK_ and are not settings: a misspelt setting would otherwise be ignored in silence. */
import { SETTING_NAMES } from './setting-table.ts'
import type { SettingProblem } from './settings-error.ts'

const PREFIX = 'CLAIMCHECK_'
const TEST_PREFIX = 'CLAIMCHECK_TEST_'
/** A name with more typing mistakes than this was not meant for the other. */
const MAX_TYPING_MISTAKES = 3

/** A problem for each unknown name, with the setting that was probably meant. */
export function unknownNames(names: readonly string[]): SettingProblem[] {
  const known = new Set(SETTING_NAMES.flatMap((name) => [name, `${name}_FILE`]))
  return names
    .filter((name) => name.startsWith(PREFIX) && !name.startsWith(TEST_PREFIX) && !known.has(name))
    .map((name) => ({ name, rule: 'is not a setting', fix: suggestion(name, known) }))
}

function suggestion(name: string, known: ReadonlySet<string>): string {
  let nearest = ''
  let fewest = MAX_TYPING_MISTAKES + 1
  for (const candidate of known) {
    const mistakes = editDistance(name, candidate)
    if (mistakes < fewest) {
      fewest = mistakes
      nearest = candidate
    }
  }
  return nearest === '' ? 'Remove it.' : `Did you mean ${nearest}?`
}

/** The Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swapped = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swapped, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
