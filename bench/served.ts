/** A stretch of load on a server of an installation, with an eye on its Redis. */
import type { Figure } from './figure.ts'
import { figureOf } from './figure.ts'
import type { Installation } from './installation.ts'
import type { Loaded, Loader, Stretch } from './load.ts'
import { cpuMicroseconds } from './machine.ts'
import type { LoadedServer } from './peers.ts'

/** What came of it, with what Redis used for one answer, in microseconds. */
export type Served = Loaded & { readonly redisCpu: number }

/** Loads a server and looks at the installation's Redis before and after. */
export async function loadServed(
  { redisPid }: Installation,
  loader: Loader,
  server: LoadedServer,
  stretch: Stretch,
): Promise<Served> {
  const redisCpu = () => cpuMicroseconds(redisPid) ?? Number.NaN
  const before = redisCpu()
  const loaded = await loader.load(server, stretch)
  return { ...loaded, redisCpu: (redisCpu() - before) / loaded.answered }
}

/** One of the figures, over all rounds. */
export function figureOfServed(samples: readonly Served[], value: keyof Served): Figure {
  return figureOf(samples.map((served) => served[value]))
}
