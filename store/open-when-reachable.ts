/**
 * Opens the store, waiting for a Redis that is not there yet: services and Redis start in any order. A Redis that
 * belongs to another installation is not waited for.
 */
import { StoreUnavailableError } from './errors.ts'
import { openStore, type Store, type StoreOptions } from './store.ts'

/** How to wait. */
export interface PatienceOptions {
  /** Told after each failed attempt. */
  readonly onWaiting: (error: StoreUnavailableError) => void
  /** Resolves when it is time to try again. */
  readonly pause: () => Promise<void>
}

/**
 * @throws {StoreMismatchError} when the installation has other settings
 */
export async function openStoreWhenReachable(
  options: StoreOptions,
  { onWaiting, pause }: PatienceOptions,
): Promise<Store> {
  for (;;) {
    try {
      return await openStore(options)
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error
      onWaiting(error)
      await pause()
    }
  }
}
