/**
 * Rules between settings. A setting that breaks its own rule may break these too, and both mistakes are reported; but the
 * intended value of such a setting is not guessed.
 */
import { isLoopbackHost } from './public-url.ts'
import { SETTING_TABLE, type SettingName, type SettingValues } from './setting-table.ts'
import type { SettingProblem } from './settings-error.ts'

/** What the rules need. */
export interface ConflictQuery {
  /** Undefined for a wrong setting, and for one without a value. */
  readonly values: SettingValues
  /** Whether the environment has the setting, right or wrong. */
  readonly isGiven: (name: SettingName) => boolean
  readonly isProduction: boolean
}

const TLS_FIX =
  'Set CLAIMCHECK_TLS_CERT and CLAIMCHECK_TLS_KEY, or CLAIMCHECK_TLS_TERMINATED=true where TLS ends in front.'

/** All conflicts. */
export function conflicts(query: ConflictQuery): SettingProblem[] {
  return [
    ...tlsFileConflicts(query),
    ...plainHttpConflicts(query),
    ...loaderConflicts(query),
    ...tokenKeyConflicts(query),
  ]
}

function tlsFileConflicts({ isGiven }: ConflictQuery): SettingProblem[] {
  const hasCert = isGiven('CLAIMCHECK_TLS_CERT')
  const hasKey = isGiven('CLAIMCHECK_TLS_KEY')
  if (hasCert !== hasKey) {
    const name = hasCert ? 'CLAIMCHECK_TLS_KEY' : 'CLAIMCHECK_TLS_CERT'
    const fix = 'Set CLAIMCHECK_TLS_CERT and CLAIMCHECK_TLS_KEY, or neither.'
    return [{ name, rule: 'must be given together with its counterpart', fix }]
  }
  if (hasCert || !isGiven('CLAIMCHECK_TLS_CLIENT_CA')) return []
  const fix = 'Set CLAIMCHECK_TLS_CERT and CLAIMCHECK_TLS_KEY too.'
  return [{ name: 'CLAIMCHECK_TLS_CLIENT_CA', rule: 'has no use without TLS', fix }]
}

function plainHttpConflicts({ values, isGiven, isProduction }: ConflictQuery): SettingProblem[] {
  const hasTls = isGiven('CLAIMCHECK_TLS_CERT') || isGiven('CLAIMCHECK_TLS_KEY')
  // Undefined means a wrong setting, which may have been meant as true.
  if (hasTls || values.CLAIMCHECK_TLS_TERMINATED !== false) return []
  const host = values.CLAIMCHECK_HOST
  if (host !== undefined && !isLoopbackHost(host)) {
    const rule = 'must be a loopback address without TLS'
    return [{ name: 'CLAIMCHECK_HOST', rule, fix: TLS_FIX }]
  }
  if (!isProduction) return []
  return [{ name: 'CLAIMCHECK_TLS_CERT', rule: 'must be given in production', fix: TLS_FIX }]
}

function loaderConflicts({ isGiven }: ConflictQuery): SettingProblem[] {
  if (!isGiven('CLAIMCHECK_LOADER_SECRET') || isGiven('CLAIMCHECK_LOADER_URL')) return []
  const { fix } = SETTING_TABLE.CLAIMCHECK_LOADER_URL
  const rule = 'has no use without CLAIMCHECK_LOADER_URL'
  return [{ name: 'CLAIMCHECK_LOADER_SECRET', rule, fix }]
}

function tokenKeyConflicts({ isGiven, isProduction }: ConflictQuery): SettingProblem[] {
  if (!isProduction || isGiven('CLAIMCHECK_TOKEN_KEYS')) return []
  const { fix } = SETTING_TABLE.CLAIMCHECK_TOKEN_KEYS
  return [{ name: 'CLAIMCHECK_TOKEN_KEYS', rule: 'must be given in production', fix }]
}
