// No Docker engine is at hand to build the image, so its file is held to what it names: what it copies
// exists and is not kept out, what it runs is copied, and what it runs imports nothing else.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT } from '../../scripts/setup.mjs'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

interface Instruction {
  readonly name: string
  readonly rest: string
}

const INSTRUCTIONS: readonly Instruction[] = read('Dockerfile')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [name = '', ...rest] = line.split(' ')
    return { name, rest: rest.join(' ') }
  })

const valuesOf = (name: string): readonly string[] =>
  INSTRUCTIONS.flatMap((instruction) => (instruction.name === name ? [instruction.rest] : []))

const copied = valuesOf('COPY').flatMap((rest) => rest.split(' ').slice(0, -1))
const sources = copied.filter((path) => !path.endsWith('.json'))
const isCopied = (path: string): boolean =>
  copied.some((source) => path === source || path.startsWith(`${source}/`))

function filesBelow(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => join(folder, path))
    .filter((path) => path.endsWith('.ts'))
}

function importsOf(file: string): readonly string[] {
  const found = read(file).matchAll(/^(?:import|export|\}) (?:[^'\n]* )?from '([^']+)'/gm)
  return [...found].map((match) => match[1] ?? '')
}

it('is built on the Node that the package pins', () => {
  const { devDependencies } = JSON.parse(read('package.json')) as {
    devDependencies: Record<string, string>
  }
  const [major, minor] = (devDependencies.node ?? '').split('.')
  expect(valuesOf('FROM')).toEqual([`node:${major}.${minor}-bookworm-slim`])
})

it('copies only what exists', () => {
  for (const path of copied) expect(existsSync(join(ROOT, path)), path).toBe(true)
})

it('copies the code of the services, and no test, script or secret', () => {
  expect(sources).toEqual(['client/src', 'settings', 'store', 'http', 'issuer', 'introspect'])
})

it('sends to the engine exactly what it copies', () => {
  const lines = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  expect(lines[0]).toBe('*')
  const kept = lines.slice(1).map((line) => line.replace(/^!/, ''))
  expect(kept.sort()).toEqual([...copied].sort())
})

it('does not run as root', () => {
  const names = INSTRUCTIONS.map((instruction) => instruction.name)
  expect(valuesOf('USER')).toEqual(['node'])
  expect(names.indexOf('USER')).toBeGreaterThan(names.lastIndexOf('COPY'))
  expect(names.indexOf('USER')).toBeLessThan(names.indexOf('CMD'))
})

it('runs a file that it has copied', () => {
  expect(valuesOf('ENTRYPOINT')).toEqual(['["node"]'])
  const [command = '[]'] = valuesOf('CMD')
  const [file = ''] = JSON.parse(command) as string[]
  expect(isCopied(file)).toBe(true)
  expect(existsSync(join(ROOT, file)), file).toBe(true)
})

it('has a health check that is a command', () => {
  const [check = ''] = valuesOf('HEALTHCHECK')
  const command = JSON.parse(check.slice(check.indexOf('['))) as string[]
  expect(command.slice(0, 2)).toEqual(['node', '-e'])
  expect(() => new Function(command[2] ?? '')).not.toThrow()
})

it('holds every file and package that its code imports', () => {
  const { dependencies } = JSON.parse(read('package.json')) as {
    dependencies: Record<string, string>
  }
  const packageOf = (name: string): string =>
    name
      .split('/')
      .slice(0, name.startsWith('@') ? 2 : 1)
      .join('/')
  const missing = sources
    .flatMap(filesBelow)
    .flatMap((file) =>
      importsOf(file).flatMap((name) => {
        if (name.startsWith('node:')) return []
        const isThere = name.startsWith('.')
          ? isCopied(normalize(join(dirname(file), name)))
          : packageOf(name) in dependencies
        return isThere ? [] : [`${file} imports ${name}`]
      }),
    )
    // Types are stripped before anything is imported, and need no package in the image.
    .filter((line) => !isTypeImport(line))
  expect(missing).toEqual([])
})

function isTypeImport(line: string): boolean {
  const [file = '', name = ''] = line.split(' imports ')
  const escaped = name.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
  return new RegExp(`^import type [^']*from '${escaped}'`, 'm').test(read(file))
}
