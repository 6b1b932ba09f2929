/**
 * Opens the store of a service and waits until Redis can be reached, so services and Redis may start in any order. A Redis
 * that belongs to another installation is an error at once.
 */
import { StoreUnavailableError } from './errors.ts'
import { openStore, type Store, type StoreOptions } from './store.ts'

/** The settings of a service that its store depends on. */
export interface StoreSettings {
  readonly redisUrl: string
  readonly keyPrefix: string
  readonly partitions: number
  /** The issuer's public URL: a resource that needs no resource server. */
  readonly issuer: string
  readonly auditRetentionMs: number
}

/** What the store of a service needs besides its settings. */
export interface ServiceStoreOptions extends Pick<StoreOptions, 'tokenKeys' | 'mints'> {
  /** Called when Redis cannot be reached, and when it can be reached again. */
  readonly outage: { failed(error: Error): void; recovered(): void }
  /** Resolves when it is time to try again. */
  readonly pause: () => Promise<void>
}

/**
 * @throws {StoreMismatchError} when the installation has other settings
 */
export async function openStoreWhenReachable(
  { redisUrl, keyPrefix, partitions, issuer, auditRetentionMs }: StoreSettings,
  { tokenKeys, mints, outage, pause }: ServiceStoreOptions,
): Promise<Store> {
  const options: StoreOptions = {
    url: redisUrl,
    prefix: keyPrefix,
    partitions,
    tokenKeys,
    mints,
    selfResources: [issuer],
    auditRetentionMs,
    onError: outage.failed,
    onReady: outage.recovered,
  }
  for (;;) {
    try {
      return await openStore(options)
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error
      outage.failed(error)
      await pause()
    }
  }
}
