/**
 * Calls scripts and turns whatever Redis or the network says instead of an answer into one of two errors: the truth
 * cannot be had (retry later), or the reply is not one this version knows (a bug).
 */
import { Command } from 'ioredis'
import { StoreReplyError, StoreUnavailableError } from '../errors.ts'
import type { RedisConnection } from './connection.ts'
import { loadScripts, type Script } from './scripts.ts'
import { batchWrites } from './write-batching.ts'

/** Names of the scripts, without the number of keys. */
export const SCRIPT_NAMES = [
  'append-audit',
  'apply-assignments',
  'begin-load',
  'exchange-token',
  'explain-token',
  'finish-load',
  'introspect-token',
  'issue-token',
  'list-assignments',
  'list-grants',
  'load-assignments',
  'pin-installation',
  'put-client',
  'put-role-schema',
  'put-subject',
  'read-audit',
  'read-log',
  'read-record',
  'refresh-grant',
  'register-token-keys',
  'remove-assignments',
  'resolve-roles',
  'revoke-grant',
  'revoke-session',
  'revoke-token',
  'write-cutoff',
] as const

/** One of them. */
export type ScriptName = (typeof SCRIPT_NAMES)[number]

/** A reply: texts and numbers in a row, the first one usually an outcome. */
export type ScriptReply = readonly (string | number)[]

/** Runs one script in one round trip. */
export type RunScript = (
  name: ScriptName,
  keys: readonly string[],
  args: readonly (string | number)[],
) => Promise<ScriptReply>

const ENCODING = { replyEncoding: 'utf8' } as const

/** Makes the runner of a connection. */
export function createScriptRunner(connection: RedisConnection): RunScript {
  const scripts = new Map(loadScripts().map((script) => [script.name, script]))
  const missing = SCRIPT_NAMES.find((name) => !scripts.has(name))
  if (missing !== undefined) throw new TypeError(`there is no script ${missing}`)
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

  return async (name, keys, args) => {
    const { sha, lua } = scripts.get(name) as Script
    try {
      return await call('evalsha', sha, keys, args)
    } catch (cause) {
      if (cause instanceof Error && cause.message.startsWith('NOSCRIPT')) {
        // The first call, or somebody emptied the script cache: nothing was run, so the text itself is sent.
        return askRedis(() => call('eval', lua, keys, args))
      }
      throw toStoreError(cause)
    }
  }
}

/**
 * Reads a string, or some fields of a hash, from the primary; what is not there is `null`.
 *
 * @throws {StoreUnavailableError} when the server that answers is no primary any more
 */
export async function readRecord(
  run: RunScript,
  key: string,
  ...fields: readonly string[]
): Promise<readonly (string | null)[]> {
  return (await run('read-record', [key], fields)) as readonly (string | null)[]
}

/** Runs any other Redis call with the same errors. */
export async function askRedis<Reply>(call: () => Promise<Reply>): Promise<Reply> {
  try {
    return await call()
  } catch (cause) {
    throw toStoreError(cause)
  }
}

/** Says that a script's outcome is not one of those its header lists. */
export function unknownReply(name: ScriptName, outcome: unknown): StoreReplyError {
  return new StoreReplyError(`${name} answered ${JSON.stringify(outcome)}`)
}

function toStoreError(cause: unknown): Error {
  const message = cause instanceof Error ? cause.message : String(cause)
  if (message.startsWith('ERR user_script')) {
    return new StoreReplyError('a script failed', { cause })
  }
  return new StoreUnavailableError('Redis does not answer', { cause })
}
