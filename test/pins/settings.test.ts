/** docs/operations.md lists what the code reads, with its default: no more and no less. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { SETTING_NAMES, SETTING_TABLE } from '../../settings/setting-table.ts'

it('the documented settings are the settings', () => {
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
  const documented = [...page.matchAll(/^\| `(CLAIMCHECK_\w+)` \| (?:`([^`]*)`)? *\|/gm)]
  expect(documented.map(([, name, fallback]) => [name, fallback])).toEqual(
    SETTING_NAMES.map((name) => [name, SETTING_TABLE[name].fallback]),
  )
})
