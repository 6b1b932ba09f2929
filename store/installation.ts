/**
 * What every process on one Redis must agree on: the form of the keys, their prefix, the number of partitions and the
 * token keys. The first one to start pins it; whoever disagrees is refused before it can damage anything.
 */

import type { RedisConnection } from './connection.ts'
import { StoreMismatchError } from './errors.ts'
import { INSTALLATION_KEY, parseTokenKeyField, tokenKeyField } from './keys.ts'
import { askRedis, type RunScript } from './script-runner.ts'
import type { TokenKeyRing } from './token-keys.ts'

/** Form of keys and records; raised when they change incompatibly. */
export const KEY_FORMAT = '1'

/** What a process brings along. */
export interface InstallationSettings {
  readonly prefix: string
  readonly partitions: number
  readonly tokenKeys: TokenKeyRing
}

/**
 * Pins or checks the installation.
 *
 * @throws {StoreMismatchError} naming the setting that differs and what to do
 */
export async function pinInstallation(
  redis: RedisConnection,
  run: RunScript,
  { prefix, partitions, tokenKeys }: InstallationSettings,
): Promise<void> {
  const own = [
    ['format', KEY_FORMAT],
    ['prefix', prefix],
    ['partitions', String(partitions)],
  ] as const
  const [format, pinnedPrefix, pinnedPartitions] = await run(
    'pin-installation',
    [INSTALLATION_KEY],
    own.flat(),
  )
  if (format !== KEY_FORMAT) {
    throw new StoreMismatchError(
      `this Redis holds keys of format ${format}, this version writes format ${KEY_FORMAT}: use the matching version or another Redis`,
    )
  }
  if (pinnedPrefix !== prefix) {
    throw new StoreMismatchError(
      `this Redis belongs to an installation with the key prefix "${pinnedPrefix}", not "${prefix}": set CLAIMCHECK_KEY_PREFIX=${pinnedPrefix} or use another Redis or database`,
    )
  }
  if (pinnedPartitions !== String(partitions)) {
    throw new StoreMismatchError(
      `this installation has ${pinnedPartitions} partitions, not ${partitions}, and their number is fixed at the first start: set CLAIMCHECK_PARTITIONS=${pinnedPartitions}`,
    )
  }
  await checkTokenKeys(redis, tokenKeys)
}

/**
 * Makes the token keys of this process the ones in use: adds what is new, forgets what it no longer has. Called by
 * issuers only, before they mint.
 */
export async function registerTokenKeys(
  redis: RedisConnection,
  run: RunScript,
  tokenKeys: TokenKeyRing,
): Promise<void> {
  const fields = tokenKeys.all.flatMap((key) => [tokenKeyField(key.id), key.fingerprint])
  await run('pin-installation', [INSTALLATION_KEY], fields)
  await checkTokenKeys(redis, tokenKeys)
  const registered = await askRedis(() => redis.hkeys(INSTALLATION_KEY))
  const retired = registered.filter((field) => {
    const keyId = parseTokenKeyField(field)
    return keyId !== undefined && tokenKeys.get(keyId) === undefined
  })
  if (retired.length > 0) await askRedis(() => redis.hdel(INSTALLATION_KEY, ...retired))
}

async function checkTokenKeys(redis: RedisConnection, tokenKeys: TokenKeyRing): Promise<void> {
  for (const key of tokenKeys.all) {
    const pinned = await askRedis(() => redis.hget(INSTALLATION_KEY, tokenKeyField(key.id)))
    if (pinned !== null && pinned !== key.fingerprint) {
      throw new StoreMismatchError(
        `the token key "${key.id}" is not the one this installation uses under that id: give every node the same CLAIMCHECK_TOKEN_KEYS, and a new key a new id`,
      )
    }
  }
}
