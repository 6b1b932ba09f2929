/** The script loader: what it makes of the scripts there are, and what it refuses to start with. */
import {
  cpSync,
  globSync,
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
import { StoreReplyError } from '../../../store/errors.ts'
import { defineScript } from '../../../store/redis/define-script.ts'
import type { ScriptReply } from '../../../store/redis/script-runner.ts'
import { loadScripts, readScripts, type Script } from '../../../store/redis/scripts.ts'

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

  it.each(loadScripts())('$name states its bound', ({ name, numberOfKeys }) => {
    const text = readFileSync(new URL(`lua/${name}-${numberOfKeys}.lua`, STORE), 'utf8')
    expect(text.slice(0, text.search(/^local /m))).toContain('-- Bound: ')
  })

  it('are each defined once', () => {
    const defined = globSync('**/*.ts', { cwd: STORE })
      .map((file) => readFileSync(new URL(file, STORE), 'utf8'))
      .flatMap((text) => [...text.matchAll(/= defineScript\('([a-z-]+)'/g)].map(([, name]) => name))
    expect(defined.sort()).toEqual(loadScripts().map(({ name }) => name))
  })
})

const HEADER = `-- Reads a thing.
-- KEYS
--   head
--   thing: with an explanation
-- ARGV
--   base: one: two
--   max_items: a line that
--     goes on
--   ...names
-- Returns one of
--   found first_name second: an explanation
--   not-found
-- Bound: constant.
`
const CODE = `local head, thing = unpack(KEYS)
local base,
  max_items = unpack(ARGV)
local names = { unpack(ARGV, 3) }
return { 'not-found' }
`

describe('the loader', () => {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
  })

  function load(file: string, lua: string): Script {
    const folder = mkdtempSync(join(tmpdir(), 'claimcheck-lua-'))
    folders.push(folder)
    cpSync(new URL('lua/include', STORE), join(folder, 'include'), { recursive: true })
    writeFileSync(join(folder, 'include/bad.lua'), 'local function first() return KEYS[1] end\n')
    writeFileSync(join(folder, file), lua)
    return readScripts(pathToFileURL(`${folder}/`))[0] as Script
  }

  it('reads the names in the header of a script', () => {
    expect(load('read-thing-2.lua', HEADER + CODE)).toEqual({
      name: 'read-thing',
      lua: HEADER + CODE,
      sha: expect.stringMatching(/^[0-9a-f]{40}$/),
      numberOfKeys: 2,
      signature: {
        keys: 'head thing',
        args: 'base maxItems ...names',
        replies: { found: 'firstName second', 'not-found': '' },
      },
    })
  })

  it('calls a script by the SHA-1 of its text', () => {
    const lua =
      '-- KEYS\n--   key\n-- ARGV\n-- Returns a list of keys\nlocal key = unpack(KEYS)\nreturn { key }\n'
    // As sha1sum says.
    expect(load('read-key-1.lua', lua).sha).toBe('9969bba1ac0a9a3132c199e5663bed0c37643bd4')
  })

  it.each<[string, object]>([
    ['-- Returns a row of\n--   next', { row: 'next' }],
    ['-- Returns rows of\n--   id\n--   text', { rows: 'id text' }],
    [
      '-- Returns a row of\n--   next\n-- Followed by rows of\n--   id',
      { row: 'next', rows: 'id' },
    ],
    ['-- Returns a list of values\n--   In some order.', { list: 'values' }],
  ])('reads a reply that is a row, rows or a list: %j', (reply, expected) => {
    const header = `-- KEYS\n--   key\n-- ARGV\n${reply}\n`
    const { signature } = load(
      'read-thing-1.lua',
      `${header}local key = unpack(KEYS)\nreturn { key }\n`,
    )
    expect(signature).toEqual({ keys: 'key', args: '', ...expected })
  })

  it.each([
    ['a name without the number of keys', 'read-thing.lua', HEADER + CODE, /is not named/],
    ['a name in another case', 'ReadThing-2.lua', HEADER + CODE, /is not named/],
    [
      'another number of keys',
      'read-thing-1.lua',
      HEADER + CODE,
      /has 2 keys in its header, its name says 1/,
    ],
    ['no KEYS', 'read-thing-2.lua', HEADER.replace('-- KEYS', '-- Keys') + CODE, /lists no KEYS/],
    [
      'no ARGV',
      'read-thing-2.lua',
      HEADER.replace('-- ARGV', '-- Args') + CODE,
      /lists no KEYS or no ARGV/,
    ],
    ['no reply', 'read-thing-2.lua', HEADER.replace('one of', 'some of') + CODE, /what it returns/],
    [
      'another key',
      'read-thing-2.lua',
      HEADER + CODE.replace('thing =', 'other ='),
      /lists "head thing".*unpacks "head other"/,
    ],
    [
      'another argument',
      'read-thing-2.lua',
      HEADER + CODE.replace('max_items', 'most'),
      /lists "head thing" and "base maxItems ...names"/,
    ],
    [
      'arguments in another order',
      'read-thing-2.lua',
      HEADER + CODE.replace(/base,\s*max_items/, 'max_items, base'),
      /lists "head thing" and "base maxItems ...names"/,
    ],
    [
      'one argument less',
      'read-thing-2.lua',
      HEADER.replace('--   base: one: two\n', '') + CODE,
      /and "maxItems ...names" in its header/,
    ],
    [
      'no names for the rest',
      'read-thing-2.lua',
      HEADER + CODE.replace(/local names.*\n/, ''),
      /unpacks "head thing" and "base maxItems"/,
    ],
    [
      'a rest that begins elsewhere',
      'read-thing-2.lua',
      HEADER + CODE.replace('ARGV, 3', 'ARGV, 4'),
      /"names" from ARGV 4, its header from 3/,
    ],
    [
      'an argument by number',
      'read-thing-2.lua',
      `${HEADER + CODE}return ARGV[1]\n`,
      /uses ARGV below/,
    ],
    ['a key by number', 'read-thing-2.lua', `${HEADER + CODE}return KEYS[1]\n`, /uses KEYS below/],
    [
      'a key by number in an include',
      'read-thing-2.lua',
      `${HEADER}--- @include "bad"\n${CODE}`,
      /uses KEYS below/,
    ],
    [
      'an include that does not exist',
      'read-thing-2.lua',
      `${HEADER}--- @include "nothing"\n${CODE}`,
      /nothing\.lua/,
    ],
  ])('refuses %s', (_, file, lua, message) => {
    expect(() => load(file, lua)).toThrow(message)
  })
})

describe('a definition', () => {
  const begin = {
    keys: 'head subject',
    args: 'loadName claimMs',
    replies: { 'known busy begun': '' },
  } as const

  it.each<[string, string, Parameters<typeof defineScript>[1]]>([
    ['a script that does not exist', 'begin-nothing', begin],
    ['another key', 'begin-load', { ...begin, keys: 'head log' }],
    ['keys in another order', 'begin-load', { ...begin, keys: 'subject head' }],
    ['another argument', 'begin-load', { ...begin, args: 'loadName claimSeconds' }],
    ['one argument more', 'begin-load', { ...begin, args: 'loadName claimMs by' }],
    ['a missing outcome', 'begin-load', { ...begin, replies: { 'known busy': '' } }],
    [
      'a member that is not returned',
      'begin-load',
      { ...begin, replies: { 'known begun': '', busy: 'by' } },
    ],
    ['another form of reply', 'begin-load', { keys: begin.keys, args: begin.args, row: 'outcome' }],
  ])('of %s is refused', (_, name, signature) => {
    expect(() => defineScript(name, signature)).toThrow(/is defined as/)
  })

  /** A runner that answers at once. */
  const answering = (reply: ScriptReply) => async () => reply

  it('passes keys and arguments in the order of the header', async () => {
    const calls: unknown[] = []
    const call = defineScript('begin-load', begin)
    const run = async (...parts: unknown[]) => {
      calls.push(parts)
      return ['begun']
    }
    await call(run, { claimMs: 5, subject: 's', loadName: 'one', head: 'h' })
    expect(calls).toEqual([['begin-load', ['h', 's'], ['one', 5]]])
  })

  it('returns a reply by name', async () => {
    const call = defineScript('register-token-keys', {
      keys: 'installation',
      args: 'mintingId ...tokenKeys',
      replies: { registered: 'mintedBefore', 'differs lacks': 'keyId' },
    })
    const input = { installation: 'i', mintingId: 'k1', tokenKeys: ['k1', 'f'] }
    expect(await call(answering(['lacks', 'k2']), input)).toEqual({ outcome: 'lacks', keyId: 'k2' })
    for (const reply of [['other'], ['lacks'], ['lacks', 'k2', 'k3'], []]) {
      await expect(call(answering(reply), input)).rejects.toThrow(StoreReplyError)
    }
  })

  it('returns rows by name, and refuses half a row', async () => {
    const call = defineScript('read-log', {
      keys: 'head log',
      args: 'followedEpoch fromSeq size',
      row: 'epoch seq floor',
      rows: 'seq description',
    })
    const input = { head: 'h', log: 'l', followedEpoch: 'e', fromSeq: 0, size: 1 }
    expect(await call(answering(['e', 7, 6, 7, '{}']), input)).toEqual({
      epoch: 'e',
      seq: '7',
      floor: '6',
      rows: [{ seq: '7', description: '{}' }],
    })
    for (const reply of [['e', 7, 6, 7], ['e', 7], []]) {
      await expect(call(answering(reply), input)).rejects.toThrow(StoreReplyError)
    }
  })
})
