/** All mistakes in the settings, reported at once. No message repeats a value: any setting may hold a secret by mistake. */

/** One mistake. A setting may have several. */
export interface SettingProblem {
  readonly name: string
  /** Completes "CLAIMCHECK_X …". */
  readonly rule: string
  /** What to do about it. */
  readonly fix: string
}

/** The settings are wrong; the message has one line for each wrong setting. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly code = 'ERR_CLAIMCHECK_SETTINGS'
  readonly problems: readonly SettingProblem[]

  constructor(problems: readonly SettingProblem[]) {
    const byName = Map.groupBy(problems, ({ name }) => name)
    const count = byName.size === 1 ? 'a setting is' : `${byName.size} settings are`
    const lines = [...byName].map(([name, ofOne]) => `  ${name} ${lineOf(ofOne)}`)
    super(`Cannot start: ${count} wrong.\n${lines.join('\n')}`)
    this.problems = problems
  }
}

function lineOf(problems: readonly SettingProblem[]): string {
  const rules = problems.map(({ rule }) => rule).join('; ')
  const fixes = new Set(problems.map(({ fix }) => fix))
  return `${rules}. ${[...fixes].join(' ')}`
}
