/**
 * The settings every process on one Redis must share: the form of the keys, their prefix, the number of partitions and the
 * token keys. The first process to start pins them; a process with other settings is refused before it can damage anything.
 */

import { StoreMismatchError } from './errors.ts'
import { INSTALLATION_KEY } from './keys.ts'
import type { TokenKeyRing } from './mint/key-ring.ts'
import { defineScript } from './redis/define-script.ts'
import type { RunScript } from './redis/script-runner.ts'

/** Form of keys and records; raised when they change incompatibly. */
export const KEY_FORMAT = '1'

/** The settings of a process that are pinned. */
export interface InstallationSettings {
  readonly prefix: string
  readonly partitions: number
}

const pinSettings = defineScript('pin-installation', {
  keys: 'installation',
  args: '...settings',
  list: 'values',
})

const registerKeys = defineScript('register-token-keys', {
  keys: 'installation',
  args: 'mintingId ...tokenKeys',
  replies: { registered: 'mintedBefore', 'differs lacks': 'keyId' },
})

/**
 * Pins or checks the settings of the installation.
 *
 * @throws {StoreMismatchError} naming the setting that differs and what to do
 */
export async function pinInstallation(
  run: RunScript,
  { prefix, partitions }: InstallationSettings,
): Promise<void> {
  const [format, pinnedPrefix, pinnedPartitions] = await pinSettings(run, {
    installation: INSTALLATION_KEY,
    settings: ['format', KEY_FORMAT, 'prefix', prefix, 'partitions', partitions],
  })
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
 * Registers the token keys of this process. A process that mints also makes its first key the minting key, and retires the
 * keys it no longer has.
 *
 * @returns id of the key that issuers minted with until now; `undefined` when there was none
 * @throws {StoreMismatchError} when other nodes have another secret under an id, or the key they mint with is missing here
 */
export async function registerTokenKeys(
  run: RunScript,
  tokenKeys: TokenKeyRing,
  mints: boolean,
): Promise<string | undefined> {
  const reply = await registerKeys(run, {
    installation: INSTALLATION_KEY,
    mintingId: mints ? tokenKeys.minting.id : '',
    tokenKeys: tokenKeys.all.flatMap(({ id, fingerprint }) => [id, fingerprint]),
  })
  switch (reply.outcome) {
    case 'registered':
      return reply.mintedBefore === '' ? undefined : reply.mintedBefore
    case 'differs':
      throw new StoreMismatchError(
        `the token key "${reply.keyId}" is not the one this installation uses under that id: give every node the same CLAIMCHECK_TOKEN_KEYS, and a new key a new id`,
      )
    case 'lacks':
      throw new StoreMismatchError(
        `issuers mint with the token key "${reply.keyId}", which is missing here: add it to CLAIMCHECK_TOKEN_KEYS (to retire it, first let another key mint)`,
      )
  }
}
