/**
 * The only file that loads Lua. Every script is `lua/<verb>-<noun>-<number of keys>.lua`; `--- @include "x"` pulls in
 * `lua/include/x.lua` once. A file whose name and KEYS disagree stops the start, not the first call.
 */
import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

/** A script. */
export interface Script {
  readonly name: string
  readonly lua: string
  /** SHA-1 of the text, hexadecimal: what Redis calls it by. */
  readonly sha: string
  readonly numberOfKeys: number
}

const SCRIPT_FILE = /^([a-z-]+)-(\d+)\.lua$/
const INCLUDE = /^--- @include "([a-z]+)"$/gm

/**
 * Reads all scripts.
 *
 * @throws {TypeError} when a file name is not of the form, or its number is not the highest `KEYS[n]` used
 */
export function loadScripts(): readonly Script[] {
  loaded ??= readScripts()
  return loaded
}

/** Read once: connections are made again and again while Redis is away. */
let loaded: readonly Script[] | undefined

function readScripts(): readonly Script[] {
  const folder = new URL('../lua/', import.meta.url)
  return readdirSync(folder)
    .filter((file) => file.endsWith('.lua'))
    .sort()
    .map((file) => loadScript(folder, file))
}

function loadScript(folder: URL, file: string): Script {
  const match = SCRIPT_FILE.exec(file)
  if (match === null) throw new TypeError(`${file} is not named <verb>-<noun>-<numberOfKeys>.lua`)
  const own = readFileSync(new URL(file, folder), 'utf8')
  const numberOfKeys = Number(match[2])
  const used = [...own.matchAll(/KEYS\[(\d+)\]/g)].map((use) => Number(use[1]))
  if (Math.max(...used) !== numberOfKeys) {
    throw new TypeError(
      `${file} uses KEYS up to ${Math.max(...used)}, its name says ${numberOfKeys}`,
    )
  }
  const lua = own.replace(INCLUDE, (_, name: string) =>
    readFileSync(new URL(`include/${name}.lua`, folder), 'utf8'),
  )
  return { name: match[1] as string, lua, sha: hash('sha1', lua), numberOfKeys }
}
