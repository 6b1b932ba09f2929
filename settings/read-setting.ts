/** Reads one setting from the environment, or from the file that NAME_FILE names, and collects its mistakes. */
import { SETTING_TABLE, type SettingName, type SettingRow } from './setting-table.ts'
import type { SettingProblem } from './settings-error.ts'

/** The environment of a process. */
export type EnvironmentVariables = Readonly<Record<string, string | undefined>>
/** Reads a file as UTF-8 text; throws when it cannot. */
export type ReadFile = (path: string) => string

/** Whether a setting was given in either way, right or wrong. An empty text counts as not given. */
export function isGiven(name: SettingName, env: EnvironmentVariables): boolean {
  return Boolean(env[name] || env[`${name}_FILE`])
}

/** The value of a setting as its schema reads it; undefined for none, or if mistakes were added to `problems`. */
export function readSetting(
  name: SettingName,
  env: EnvironmentVariables,
  readFile: ReadFile,
  problems: SettingProblem[],
): unknown {
  const { fallback, rule, fix, schema }: SettingRow = SETTING_TABLE[name]
  const given = givenText(name, env, readFile, problems)
  const text = given ?? (isGiven(name, env) ? undefined : fallback)
  if (text === undefined) return undefined
  const result = schema.safeParse(text)
  if (result.success) return result.data
  // Schemas that find several mistakes report each as a rule; for all others the rule of the table says everything.
  const rules = result.error.issues.map(({ message }) =>
    message.startsWith('must ') ? message : rule,
  )
  for (const broken of new Set(rules)) problems.push({ name, rule: broken, fix })
  return undefined
}

function givenText(
  name: SettingName,
  env: EnvironmentVariables,
  readFile: ReadFile,
  problems: SettingProblem[],
): string | undefined {
  const fileName = `${name}_FILE`
  const direct = env[name] || undefined
  const path = env[fileName] || undefined
  if (direct !== undefined && path !== undefined) {
    const rule = `and ${fileName} must not both be set`
    problems.push({ name, rule, fix: 'Leave one of them out.' })
  }
  const fromFile = path === undefined ? undefined : fileText(fileName, path, readFile, problems)
  return direct ?? fromFile
}

function fileText(
  name: string,
  path: string,
  readFile: ReadFile,
  problems: SettingProblem[],
): string | undefined {
  try {
    const text = readFile(path).replace(/[\r\n]+$/, '')
    if (text !== '') return text
    problems.push({ name, rule: 'names an empty file', fix: 'Fill it or leave it out.' })
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown reason'
    const rule = `names a file that cannot be read (${reason})`
    problems.push({ name, rule, fix: 'Check the path and its permissions.' })
  }
  return undefined
}
