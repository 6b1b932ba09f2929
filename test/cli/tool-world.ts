/** {@link startWorld} with the operator's tool, which finds the services by a development profile. */
import { extendWorld, startWorld, type World, type WorldOptions } from '../fixture/world.ts'
import { createToolBench, type ToolBench } from './tool.ts'

export interface ToolWorld extends World {
  readonly bench: ToolBench
}

export async function startToolWorld(options: WorldOptions = {}): Promise<ToolWorld> {
  return extendWorld(await startWorld(options), async ({ issuer, introspect, ...world }) => {
    const { admin, grades: resourceServer } = world
    const bench = createToolBench({ issuer, introspect: introspect[0], admin, resourceServer })
    world.onClose(() => bench.close())
    return { bench }
  })
}
