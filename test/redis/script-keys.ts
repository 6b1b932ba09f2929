/** Which keys every script touched, as MONITOR shows it, including keys that a script derives from what it reads. */
import type { Redis } from 'ioredis'

/** One call of a script. */
interface ScriptCall {
  readonly sha: string
  /** Keys of the call and of every command inside. */
  readonly keys: readonly string[]
}

/** Watches servers until stopped. */
export interface ScriptWatch {
  readonly calls: readonly ScriptCall[]
  stop(): void
}

const KEYLESS = new Set(['TIME', 'INFO', 'PUBLISH'])
const ALL_KEYS = new Set(['MGET', 'UNLINK', 'DEL', 'EXISTS'])

/** Starts watching; what was called before is not seen. */
export async function watchScripts(nodes: readonly Redis[]): Promise<ScriptWatch> {
  const calls: ScriptCall[] = []
  const monitors = await Promise.all(nodes.map((node) => node.monitor()))
  for (const monitor of monitors) {
    let current: string[] = []
    // A server tells of a script first and then of each command inside, before anything else.
    monitor.on('monitor', (_time: string, args: string[], source: string) => {
      const name = args[0]?.toUpperCase() ?? ''
      if (source === 'lua') current.push(...keysOf(name, args))
      if (name !== 'EVALSHA' && name !== 'EVAL') return
      current = args.slice(3, 3 + Number(args[2]))
      calls.push({ sha: args[1] as string, keys: current })
    })
  }
  return {
    calls,
    stop() {
      for (const monitor of monitors) monitor.disconnect()
    },
  }
}

function keysOf(name: string, args: readonly string[]): readonly string[] {
  if (KEYLESS.has(name)) return []
  return ALL_KEYS.has(name) ? args.slice(1) : args.slice(1, 2)
}
