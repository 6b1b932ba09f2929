/**
 * What every process on one Redis must agree on: the form of the keys, their prefix, the number of partitions and the
 * token keys. The first one to start pins it; whoever disagrees is refused before it can damage anything.
 */

import { StoreMismatchError } from './errors.ts'
import { INSTALLATION_KEY } from './keys.ts'
import type { TokenKeyRing } from './mint/key-ring.ts'
import { type RunScript, unknownReply } from './redis/script-runner.ts'

/** Form of keys and records; raised when they change incompatibly. */
export const KEY_FORMAT = '1'

/** What a process brings along. */
export interface InstallationSettings {
  readonly prefix: string
  readonly partitions: number
}

/**
 * Pins or checks the form of the installation.
 *
 * @throws {StoreMismatchError} naming the setting that differs and what to do
 */
export async function pinInstallation(
  run: RunScript,
  { prefix, partitions }: InstallationSettings,
): Promise<void> {
  const own = ['format', KEY_FORMAT, 'prefix', prefix, 'partitions', String(partitions)]
  const [format, pinnedPrefix, pinnedPartitions] = await run(
    'pin-installation',
    [INSTALLATION_KEY],
    own,
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
}

/**
 * Tells the installation which token keys this process has. One that mints also makes its first key the minting one, and
 * retires those it no longer has.
 *
 * @returns id of the key that issuers minted with until now; `undefined` when none did
 * @throws {StoreMismatchError} when an id stands for another secret elsewhere, or the key others mint with is missing
 */
export async function registerTokenKeys(
  run: RunScript,
  tokenKeys: TokenKeyRing,
  mints: boolean,
): Promise<string | undefined> {
  const [outcome, keyId] = await run(
    'register-token-keys',
    [INSTALLATION_KEY],
    [
      mints ? tokenKeys.minting.id : '',
      ...tokenKeys.all.flatMap(({ id, fingerprint }) => [id, fingerprint]),
    ],
  )
  switch (outcome) {
    case 'registered':
      return keyId === '' ? undefined : (keyId as string)
    case 'differs':
      throw new StoreMismatchError(
        `the token key "${keyId}" is not the one this installation uses under that id: give every node the same CLAIMCHECK_TOKEN_KEYS, and a new key a new id`,
      )
    case 'lacks':
      throw new StoreMismatchError(
        `issuers mint with the token key "${keyId}", which is missing here: add it to CLAIMCHECK_TOKEN_KEYS (to retire it, first let another key mint)`,
      )
    default:
      throw unknownReply('register-token-keys', outcome)
  }
}
