/** Who may import whom, and which file alone may do what: npm hoists, so manifests alone would not tell. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = new URL('../../', import.meta.url).pathname

/**
 * What each room may import: other rooms (a folder, or one file), and packages. The longest name that fits a path is its
 * room. A room always sees itself, and `node:` unless it says otherwise.
 */
interface Rule {
  readonly rooms: readonly string[]
  readonly packages: readonly string[] | 'any'
  readonly isPlatformOnly?: boolean
}

/** The folders of the product. */
const PRODUCT = ['client/src', 'settings', 'store', 'http', 'issuer', 'introspect', 'cli']
const WIRE = 'client/src/wire'
const KOA = ['koa', '@koa/router']
const SERVICE_GROUND = [WIRE, 'store', 'http']
const ADMIN_GROUND = [
  'issuer/admin/guard.ts',
  'issuer/admin/lines',
  'issuer/admin/paging.ts',
  'issuer/admin/query.ts',
  'issuer/values',
]
const CLI_GROUND = ['cli/src/environment.ts', 'cli/src/exit.ts']
const CLIENT = '@claimcheck/client'
const STORE_GROUND = [
  'store/context.ts',
  'store/errors.ts',
  'store/keys.ts',
  'store/partitions.ts',
  'store/turns.ts',
  WIRE,
]

const RULES: Readonly<Record<string, Rule>> = {
  [WIRE]: { rooms: [], packages: [] },
  'client/src/time': { rooms: [], packages: [], isPlatformOnly: true },
  'client/src/cache': {
    rooms: [WIRE, 'client/src/decision.ts', 'client/src/health.ts', 'client/src/invariant.ts'],
    packages: [],
    isPlatformOnly: true,
  },
  'client/src/service': {
    rooms: [
      WIRE,
      'client/src/cache',
      'client/src/errors.ts',
      'client/src/invariant.ts',
      'client/src/options.ts',
    ],
    packages: [],
    isPlatformOnly: true,
  },
  'client/src/feed': {
    rooms: [
      WIRE,
      'client/src/cache',
      'client/src/diagnostics.ts',
      'client/src/errors.ts',
      'client/src/health.ts',
      'client/src/invariant.ts',
      'client/src/options.ts',
      'client/src/service',
      'client/src/time',
    ],
    packages: [],
    isPlatformOnly: true,
  },
  'client/src': { rooms: ['client/src'], packages: [], isPlatformOnly: true },

  settings: { rooms: ['store/redis/redis-url.ts'], packages: ['zod'] },

  // The files in store/ itself are known to all of its rooms, but for the door, store.ts.
  // Types of ioredis alone: the settings read URLs by it.
  'store/redis/redis-url.ts': { rooms: [], packages: ['ioredis'], isPlatformOnly: true },
  'store/redis': { rooms: ['store/errors.ts', 'store/redis'], packages: ['ioredis'] },
  'store/mint': { rooms: ['store/partitions.ts', WIRE], packages: ['nanoid'] },
  'store/registry': {
    rooms: [...STORE_GROUND, 'store/redis'],
    packages: ['rate-limiter-flexible'],
  },
  'store/roles': { rooms: [...STORE_GROUND, 'store/redis'], packages: [] },
  'store/grants': {
    rooms: [...STORE_GROUND, 'store/mint', 'store/redis', 'store/registry', 'store/roles'],
    packages: [],
  },
  'store/revocations': {
    rooms: [...STORE_GROUND, 'store/change-log.ts', 'store/grants', 'store/mint', 'store/redis'],
    packages: ['nanoid'],
  },
  store: { rooms: ['store', WIRE], packages: ['nanoid'] },

  // From the socket inwards: each room sees those above it alone, and none sees the store.
  'http/telemetry': { rooms: ['settings', WIRE], packages: ['pino', 'prom-client'] },
  'http/reply': { rooms: [], packages: [] },
  'http/server': { rooms: [], packages: ['pino'] },
  'http/errors': { rooms: ['http/reply', 'http/telemetry'], packages: [] },
  'http/body': { rooms: ['http/errors', 'http/server'], packages: ['zod'] },
  'http/auth': { rooms: ['http/body', 'http/errors', WIRE], packages: [] },
  'http/pipeline': {
    rooms: ['http/errors', 'http/reply', 'http/telemetry'],
    packages: [...KOA, 'pino'],
  },
  'http/audit': {
    rooms: ['http/errors', 'http/pipeline', 'http/telemetry', WIRE],
    packages: ['pino'],
  },
  http: { rooms: ['http/pipeline', 'http/server', 'http/telemetry', 'settings'], packages: [] },

  'issuer/values': { rooms: SERVICE_GROUND, packages: ['zod'] },
  'issuer/loader': { rooms: [...SERVICE_GROUND, 'issuer/values'], packages: ['zod'] },
  'issuer/grants': { rooms: [...SERVICE_GROUND, 'issuer/values'], packages: [] },
  'issuer/admin/lines': { rooms: [...SERVICE_GROUND, 'issuer/admin/guard.ts'], packages: [] },
  'issuer/admin/revocations': { rooms: [...SERVICE_GROUND, ...ADMIN_GROUND], packages: ['zod'] },
  'issuer/admin/roles': { rooms: [...SERVICE_GROUND, ...ADMIN_GROUND], packages: ['zod'] },
  'issuer/admin': { rooms: [...SERVICE_GROUND, 'issuer'], packages: [...KOA, 'zod'] },
  issuer: { rooms: [...SERVICE_GROUND, 'issuer', 'settings'], packages: KOA },

  'introspect/access': {
    rooms: [
      ...SERVICE_GROUND,
      'settings/public-url.ts',
      'introspect/answer.ts',
      'introspect/caller.ts',
      'introspect/introspection-endpoint.ts',
    ],
    packages: [...KOA, 'zod'],
  },
  'introspect/feed': {
    rooms: [...SERVICE_GROUND, 'introspect/caller.ts'],
    packages: [...KOA, 'prom-client', 'ws'],
  },
  introspect: {
    rooms: [...SERVICE_GROUND, 'introspect', 'settings'],
    packages: [...KOA, 'prom-client'],
  },

  'cli/src/terminal': {
    rooms: CLI_GROUND,
    packages: [`${CLIENT}/wire`, 'cli-progress', 'string-width', 'wrap-ansi'],
  },
  'cli/src/input': { rooms: [...CLI_GROUND, 'cli/src/terminal'], packages: [`${CLIENT}/wire`] },
  'cli/src/service': {
    rooms: [...CLI_GROUND, 'cli/src/input', 'cli/src/terminal'],
    packages: [CLIENT, `${CLIENT}/wire`],
  },
  'cli/src/bulk': {
    rooms: [
      ...CLI_GROUND,
      'cli/src/run.ts',
      'cli/src/input',
      'cli/src/service',
      'cli/src/terminal',
    ],
    packages: [],
  },
  cli: { rooms: ['cli'], packages: [CLIENT, `${CLIENT}/wire`, 'commander'] },

  // Nothing above imports any of these.
  examples: { rooms: ['client/src'], packages: ['express'] },
  scripts: { rooms: [...PRODUCT, 'test/fixture', 'test/chaos'], packages: 'any' },
  bench: { rooms: [...PRODUCT, 'scripts', 'test'], packages: 'any' },
  test: { rooms: [...PRODUCT, 'bench', 'examples', 'scripts'], packages: 'any' },
}

/** Folders whose files are read; every room lies in one of them. */
const FOLDERS = [...PRODUCT, 'examples', 'scripts', 'bench', 'test']

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

/** Whether a path is a room or lies in it. */
function isIn(path: string, room: string): boolean {
  return path === room || path.startsWith(`${room}/`)
}

/** The room a path belongs to. */
function roomOf(path: string): string | undefined {
  return Object.keys(RULES)
    .filter((room) => isIn(path, room))
    .sort((a, b) => b.length - a.length)[0]
}

const sources = FOLDERS.flatMap(sourcesOf)
const product = sources.filter(({ path }) => PRODUCT.some((folder) => isIn(path, folder)))

function resolved({ path }: SourceFile, specifier: string): string {
  return normalize(join(dirname(path), specifier))
}

function forbiddenImports(source: SourceFile): string[] {
  const own = roomOf(source.path) as string
  const rule = RULES[own] as Rule
  return source.imports.filter((specifier) => {
    if (specifier.startsWith('node:')) return rule.isPlatformOnly === true
    if (!specifier.startsWith('.')) {
      return rule.packages !== 'any' && !rule.packages.includes(specifier)
    }
    const target = resolved(source, specifier)
    return roomOf(target) !== own && !rule.rooms.some((room) => isIn(target, room))
  })
}

describe('imports', () => {
  it('go only where each room may look', () => {
    const offences = sources.flatMap((source) =>
      forbiddenImports(source).map((specifier) => `${source.path} imports ${specifier}`),
    )
    expect(sources.length).toBeGreaterThan(50)
    expect(offences).toEqual([])
  })

  it('would be noticed where they may not', () => {
    const offender = {
      path: 'http/errors/x.ts',
      text: '',
      imports: ['../../store/keys.ts', '../pipeline/frame.ts', 'ioredis', './y.ts'],
    }
    expect(forbiddenImports(offender)).toEqual([
      '../../store/keys.ts',
      '../pipeline/frame.ts',
      'ioredis',
    ])
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
    const named = product.flatMap(({ path }) => dirname(path).split('/'))
    expect(named.filter((name) => FORBIDDEN_FOLDERS.includes(name))).toEqual([])
  })
})

describe('monopolies', () => {
  const offenders = (pattern: RegExp, allowed: RegExp): string[] =>
    product
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

  it('only store/redis/scripts.ts loads Lua', () => {
    expect(offenders(/\.lua['"`]|\/lua\//, /^store\/redis\/scripts\.ts$/)).toEqual([])
  })

  it('only store/redis talks to Redis', () => {
    expect(offenders(/from 'ioredis'/, /^store\/redis\//)).toEqual([])
  })
})
