/** Who may import whom, and which file alone may do what: npm hoists, so manifests alone would not tell. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = new URL('../../', import.meta.url).pathname

/** Packages each folder may use; `node:` and the folder itself always. */
const RULES: Readonly<Record<string, { folders: readonly string[]; packages: readonly string[] }>> =
  {
    'client/src/wire': { folders: [], packages: [] },
    // Platform globals only: not even `node:`.
    'client/src': { folders: ['client/src/wire'], packages: [] },
    store: {
      folders: ['client/src/wire'],
      packages: ['ioredis', 'nanoid', 'rate-limiter-flexible'],
    },
    http: {
      folders: ['client/src/wire'],
      packages: ['koa', '@koa/router', 'pino', 'prom-client', 'zod'],
    },
    issuer: {
      folders: ['client/src/wire', 'store', 'http'],
      packages: ['koa', '@koa/router', 'zod'],
    },
    introspect: {
      folders: ['client/src/wire', 'store', 'http'],
      packages: ['koa', '@koa/router', 'prom-client', 'ws'],
    },
    cli: {
      folders: [],
      packages: [
        '@claimcheck/client',
        '@claimcheck/client/wire',
        'commander',
        'cli-progress',
        'cli-table3',
      ],
    },
  }

const FORBIDDEN_FOLDERS = ['common', 'shared', 'utils', 'lib', 'helpers', 'types']

interface SourceFile {
  readonly path: string
  readonly text: string
  readonly imports: readonly string[]
}

function sourcesOf(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => {
      const path = join(folder, file)
      // Examples in doc comments import what their readers will.
      const text = readFileSync(join(ROOT, path), 'utf8').replace(/^ *\*.*$/gm, '')
      const found = text.matchAll(/\b(?:from|import) '([^'\n]+)'$|\bimport\('([^'\n]+)'/gm)
      return {
        path,
        text,
        imports: [...found].map(([, named, called]) => (named ?? called) as string),
      }
    })
}

/** The folder of the rules that a path belongs to. */
function folderOf(path: string): string | undefined {
  return Object.keys(RULES).find((folder) => path.startsWith(`${folder}/`))
}

const sources = [
  ...new Map(
    Object.keys(RULES)
      .flatMap(sourcesOf)
      .map((source) => [source.path, source]),
  ).values(),
]

function resolved({ path }: SourceFile, specifier: string): string {
  return normalize(join(dirname(path), specifier))
}

function forbiddenImports(source: SourceFile): string[] {
  const own = folderOf(source.path) as string
  const rule = RULES[own]
  return source.imports.filter((specifier) => {
    if (specifier.startsWith('node:')) return own === 'client/src'
    if (!specifier.startsWith('.')) return rule?.packages.includes(specifier) !== true
    const target = folderOf(resolved(source, specifier))
    return target !== own && (target === undefined || rule?.folders.includes(target) !== true)
  })
}

describe('imports', () => {
  it('go only where each folder may look', () => {
    const offences = sources.flatMap((source) =>
      forbiddenImports(source).map((specifier) => `${source.path} imports ${specifier}`),
    )
    expect(sources.length).toBeGreaterThan(50)
    expect(offences).toEqual([])
  })

  it('would be noticed where they may not', () => {
    const offender = {
      path: 'http/x.ts',
      text: '',
      imports: ['../store/keys.ts', 'ioredis', './y.ts'],
    }
    expect(forbiddenImports(offender)).toEqual(['../store/keys.ts', 'ioredis'])
  })

  it('form no cycle', () => {
    const graph = new Map(
      sources.map((source) => [
        source.path,
        source.imports.filter((to) => to.startsWith('.')).map((to) => resolved(source, to)),
      ]),
    )
    const done = new Set<string>()
    const cycles: string[] = []
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
      if (done.has(path) || trail.includes(path)) return
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
      done.add(path)
    }
    for (const path of graph.keys()) visit(path, [])
    expect(cycles).toEqual([])
  })

  it('lead to no folder named for nothing', () => {
    const named = sources.flatMap(({ path }) => dirname(path).split('/'))
    expect(named.filter((name) => FORBIDDEN_FOLDERS.includes(name))).toEqual([])
  })
})

describe('monopolies', () => {
  const offenders = (pattern: RegExp, allowed: RegExp): string[] =>
    sources
      .filter(({ path, text }) => pattern.test(text) && !allowed.test(path))
      .map(({ path }) => path)
  /** The client is no service: its clocks are options with a default. */
  const MAIN = /^(?:(?:issuer|introspect|cli\/src)\/main\.ts|client\/src\/options\.ts)$/

  it('only main.ts reads the environment and handles signals', () => {
    expect(offenders(/process\.env\b|process\.(?:on|once)\(/, MAIN)).toEqual([])
  })

  it('only main.ts reads the real clock', () => {
    expect(offenders(/Date\.now\(|new Date\(\)/, MAIN)).toEqual([])
  })

  it('only store/keys.ts spells a key', () => {
    expect(
      offenders(
        /claimcheck:installation|\$\{base\}|\$\{prefix\}[{:]|['`](?:c|r|key):/,
        // The tool knows no Redis: what it calls a base is a URL.
        /^store\/keys\.ts$|^cli\//,
      ),
    ).toEqual([])
  })

  it('only store/scripts.ts loads Lua', () => {
    expect(offenders(/\.lua['"`]|\/lua\//, /^store\/scripts\.ts$/)).toEqual([])
  })

  it('only the store talks to Redis', () => {
    expect(offenders(/from 'ioredis'/, /^store\//)).toEqual([])
  })
})
