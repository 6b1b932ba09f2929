/** The script loader: what it makes of the scripts there are, and what it refuses to start with. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { loadScripts } from '../../../store/redis/scripts.ts'

const STORE = new URL('../../../store/', import.meta.url)

describe('the scripts', () => {
  it('are all there, with the number of keys in their file names', () => {
    expect(loadScripts().map(({ name, numberOfKeys }) => `${name}-${numberOfKeys}.lua`)).toEqual(
      readdirSync(new URL('lua/', STORE))
        .filter((file) => file.endsWith('.lua'))
        .sort(),
    )
  })

  it('have every include replaced by its text, once', () => {
    for (const { name, lua } of loadScripts()) {
      expect(lua, name).not.toContain('@include')
      const functions = [...lua.matchAll(/^local function (\w+)/gm)].map((match) => match[1])
      expect(new Set(functions).size, name).toBe(functions.length)
    }
  })

  it.each(loadScripts())(
    '$name states KEYS, ARGV, returns and its bound',
    ({ name, numberOfKeys }) => {
      const text = readFileSync(new URL(`lua/${name}-${numberOfKeys}.lua`, STORE), 'utf8')
      const header = text.slice(0, text.search(/^local /m))
      for (const part of ['-- KEYS', '-- ARGV', '-- Returns', '-- Bound']) {
        expect(header).toContain(part)
      }
      expect(header).toMatch(new RegExp(`^-- KEYS .*${numberOfKeys} `, 'm'))
    },
  )
})

describe('the loader', () => {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
  })

  /** A copy of the loader beside Lua of our own. */
  async function loadWith(file: string, lua: string): Promise<readonly { lua: string }[]> {
    const folder = mkdtempSync(join(tmpdir(), 'claimcheck-lua-'))
    folders.push(folder)
    mkdirSync(join(folder, 'redis'))
    cpSync(new URL('redis/scripts.ts', STORE), join(folder, 'redis/scripts.ts'))
    cpSync(new URL('lua/include', STORE), join(folder, 'lua/include'), { recursive: true })
    writeFileSync(join(folder, 'lua', file), lua)
    const copy = (await import(pathToFileURL(join(folder, 'redis/scripts.ts')).href)) as {
      loadScripts: typeof loadScripts
    }
    return copy.loadScripts()
  }

  it('loads a script whose name tells its keys', async () => {
    const [script] = await loadWith('read-thing-2.lua', 'return KEYS[1] .. KEYS[2]\n')
    expect(script).toEqual({
      name: 'read-thing',
      lua: 'return KEYS[1] .. KEYS[2]\n',
      // As sha1sum says.
      sha: '25efde94b2575c71371cad87b116d94200c6ebce',
      numberOfKeys: 2,
    })
  })

  it.each([
    ['read-thing-1.lua', 'return KEYS[2]', /uses KEYS up to 2/],
    ['read-thing-3.lua', 'return KEYS[2]', /uses KEYS up to 2/],
    ['read-thing-1.lua', 'return 1', /uses KEYS up to/],
    ['read-thing.lua', 'return KEYS[1]', /is not named/],
    ['ReadThing-1.lua', 'return KEYS[1]', /is not named/],
    ['read-thing-1.lua', '--- @include "nothing"\nreturn KEYS[1]', /nothing\.lua/],
  ])('refuses %s with "%s"', async (file, lua, message) => {
    await expect(loadWith(file, lua)).rejects.toThrow(message)
  })
})
