/**
 * Runs scripts. Errors of Redis and of the network become one of two: the state cannot be known now (retry later), or a
 * script failed (a bug).
 */
import { Command } from 'ioredis'
import { StoreReplyError, StoreUnavailableError } from '../errors.ts'
import type { RedisConnection } from './connection.ts'
import { loadScripts } from './scripts.ts'
import { batchWrites } from './write-batching.ts'

/** A reply as Redis returns it: texts and numbers, `null` for what does not exist. */
export type ScriptReply = readonly (string | number | null)[]

/** Runs one script in one round trip. Callers use the typed calls of `define-script.ts`. */
export type RunScript = (
  name: string,
  keys: readonly string[],
  args: readonly (string | number)[],
) => Promise<ScriptReply>

const ENCODING = { replyEncoding: 'utf8' } as const

/** Makes the runner of a connection. */
export function createScriptRunner(connection: RedisConnection): RunScript {
  const scripts = new Map(loadScripts().map((script) => [script.name, script]))
  const send = batchWrites(connection)

  function call(
    command: 'evalsha' | 'eval',
    script: string,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<ScriptReply> {
    const parts = [script, keys.length, ...keys, ...args]
    return send(new Command(command, parts, ENCODING)) as Promise<ScriptReply>
  }

  return (name, keys, args) => {
    const script = scripts.get(name)
    if (script === undefined) throw new TypeError(`there is no script ${name}`)
    return call('evalsha', script.sha, keys, args).catch((cause: unknown) => {
      if (cause instanceof Error && cause.message.startsWith('NOSCRIPT')) {
        // The first call, or the script cache was emptied: nothing was run, so the text itself is sent.
        return askRedis(() => call('eval', script.lua, keys, args))
      }
      throw toStoreError(cause)
    })
  }
}

/** Runs any other Redis call with the same errors. */
export async function askRedis<Reply>(call: () => Promise<Reply>): Promise<Reply> {
  try {
    return await call()
  } catch (cause) {
    throw toStoreError(cause)
  }
}

function toStoreError(cause: unknown): Error {
  const message = cause instanceof Error ? cause.message : String(cause)
  if (message.startsWith('ERR user_script')) {
    return new StoreReplyError('a script failed', { cause })
  }
  return new StoreUnavailableError('Redis does not answer', { cause })
}
