/**
 * The only file that loads Lua. Every script is `lua/<verb>-<noun>-<number of keys>.lua`; `--- @include "x"` pulls in
 * `lua/include/x.lua` once. A script whose name, header and code disagree stops the start, not the first call.
 */
import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { assertNamed, parseScript, type ScriptSignature } from './script-header.ts'

/** A script. */
export interface Script {
  readonly name: string
  readonly lua: string
  /** SHA-1 of the text, hexadecimal: what Redis calls it by. */
  readonly sha: string
  readonly numberOfKeys: number
  readonly signature: ScriptSignature
}

const SCRIPT_FILE = /^([a-z-]+)-(\d+)\.lua$/
const INCLUDE = /^--- @include "([a-z]+)"$/gm

/** All scripts of the store. */
export function loadScripts(): readonly Script[] {
  loaded ??= readScripts(new URL('../lua/', import.meta.url))
  return loaded
}

/** Read once: while Redis is away, connections are made again and again. */
let loaded: readonly Script[] | undefined

/**
 * Reads the scripts of a folder.
 *
 * @throws {TypeError} when the name, the header and the code of a script disagree
 */
export function readScripts(folder: URL): readonly Script[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.lua'))
    .sort()
    .map((file) => {
      try {
        return readScript(folder, file)
      } catch (cause) {
        if (cause instanceof TypeError) throw new TypeError(`${file} ${cause.message}`, { cause })
        throw cause
      }
    })
}

function readScript(folder: URL, file: string): Script {
  const [, name, keysInName] = SCRIPT_FILE.exec(file) ?? []
  if (name === undefined) throw new TypeError('is not named <verb>-<noun>-<numberOfKeys>.lua')
  const own = readFileSync(new URL(file, folder), 'utf8')
  const signature = parseScript(own)
  const numberOfKeys = signature.keys.split(' ').length
  if (numberOfKeys !== Number(keysInName)) {
    throw new TypeError(`has ${numberOfKeys} keys in its header, its name says ${keysInName}`)
  }
  const lua = own.replace(INCLUDE, (_, include: string) => {
    const text = readFileSync(new URL(`include/${include}.lua`, folder), 'utf8')
    assertNamed(text)
    return text
  })
  return { name, lua, sha: hash('sha1', lua), numberOfKeys, signature }
}
