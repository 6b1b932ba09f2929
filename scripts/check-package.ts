// `npm run check:package`: checks the client library as npm would deliver it. It builds and packs the library, installs
// the tarball in an empty project without a registry, and checks files, imports, exports, types for both module
// resolutions, and every example of the documentation.
//
// Works on a copy in a temporary folder, so that it neither needs nor disturbs client/dist.

import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { promisify } from 'node:util'
import { buildClient, compile } from './build-client.ts'
import { ROOT } from './setup.mjs'

const NAME = '@claimcheck/client'
const FRAMEWORKS = ['koa', 'express', 'fastify', 'hono'] as const

/** What each entry point exports at run time; a change here is a change of the public interface. */
export const EXPORTS: Readonly<Record<string, readonly string[]>> = {
  '.': ['ClaimcheckError', 'createClient', 'environment'],
  './wire': [
    'FEED_CLOSE',
    'FEED_VERSION',
    'FRESHNESS_HEADER',
    'TOKEN_BODY_LENGTH',
    'TOKEN_PATTERN',
    'formatFreshness',
    'isContext',
    'isContextType',
    'isPermission',
    'isRole',
    'isTokenShaped',
    'parseFreshness',
  ],
  './koa': ['protect'],
  './express': ['protect'],
  './fastify': ['decorateClaims', 'protect'],
  './hono': ['protect'],
}

/** The package, installed in an empty project. */
export interface Installed {
  /** The empty project. */
  readonly project: string
  /** The package inside it. */
  readonly home: string
  /** Paths of its files. */
  readonly files: readonly string[]
  remove(): Promise<void>
}

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
  readonly [member: string]: unknown
}

/** Builds, packs and installs the package. */
export async function installPackage(): Promise<Installed> {
  const scratch = await mkdtemp(join(tmpdir(), 'claimcheck-package-'))
  const remove = () => rm(scratch, { recursive: true, force: true })
  try {
    const source = join(scratch, 'source')
    const project = join(scratch, 'project')
    await mkdir(source)
    await mkdir(project)
    await buildClient(join(source, 'dist'))
    for (const file of ['package.json', 'README.md']) {
      await cp(join(ROOT, 'client', file), join(source, file))
    }
    await npm(source, 'pack', '--pack-destination', scratch)
    const tarball = (await readdir(scratch)).find((file) => file.endsWith('.tgz'))
    if (tarball === undefined) throw new Error('npm pack made no tarball')
    await writeJson(join(project, 'package.json'), {
      name: 'consumer',
      private: true,
      type: 'module',
    })
    await npm(project, 'install', '--no-audit', '--no-fund', join(scratch, tarball))
    const home = join(project, 'node_modules', NAME)
    return { project, home, files: await filesOf(home), remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Every check, by what it makes sure of; resolves with the problems found. */
export const CHECKS: Readonly<
  Record<string, (installed: Installed) => Promise<readonly string[]>>
> = {
  'holds its manifest, its README and compiled code, nothing else': checkFiles,
  'brings no other package along': checkAlone,
  'imports nothing but itself and uses no global of Node': checkImports,
  'gives every entry point its exports': checkExports,
  'documents only entry points that exist': checkDocumentedPaths,
  'has types for consumers of nodenext, without Node types': (installed) =>
    checkTypes(installed, { module: 'nodenext', lib: ['es2024', 'dom'], types: [] }),
  'has types for consumers of bundlers, without Node types': (installed) =>
    checkTypes(installed, {
      module: 'esnext',
      moduleResolution: 'bundler',
      lib: ['es2024', 'dom'],
      types: [],
    }),
  'has types for consumers on Node, without DOM types': (installed) =>
    checkTypes(installed, {
      module: 'nodenext',
      lib: ['es2024'],
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules', '@types')],
      // Errors in the types of Node are not errors of the package.
      skipLibCheck: true,
    }),
  'has examples that compile': checkExamples,
  'documents every name, and every option and member that applications use': checkDocumented,
  'has an example for every public function': checkExampled,
}

async function checkFiles({ home, files }: Installed): Promise<readonly string[]> {
  const strange = files.filter(
    (file) => !/^(?:package\.json|README\.md|dist\/[\w/-]+(?:\.d\.ts|\.js))$/.test(file),
  )
  const manifest = await readManifest(home)
  const bare = files
    .filter((file) => file.endsWith('.js') && !files.includes(file.replace(/\.js$/, '.d.ts')))
    .map((file) => `${file} has no types`)
  const private_ = manifest.private === true ? ['the manifest is private'] : []
  return [...strange.map((file) => `unexpected file ${file}`), ...bare, ...private_]
}

async function checkAlone({ project, home }: Installed): Promise<readonly string[]> {
  const manifest = await readManifest(home)
  const declared = Object.keys(manifest)
    .filter((member) => /dependencies/i.test(member))
    .map((member) => `the manifest has ${member}`)
  const beside = (await readdir(join(project, 'node_modules'))).filter(
    (name) => !name.startsWith('.') && name !== dirname(NAME),
  )
  return [...declared, ...beside.map((name) => `${name} was installed too`)]
}

async function checkImports({ home, files }: Installed): Promise<readonly string[]> {
  const problems: string[] = []
  for (const file of files.filter((name) => /\.(?:js|d\.ts)$/.test(name))) {
    const code = withoutComments(await readFile(join(home, file), 'utf8'))
    const found = code.matchAll(/(?:\bfrom|\bimport|\bimport\(|\brequire\() ?(['"])(.+?)\1/g)
    for (const [, , specifier = ''] of found) {
      const target = normalize(join(dirname(file), specifier))
      const isOwn = specifier.startsWith('.') && files.includes(target)
      if (!isOwn) problems.push(`${file} imports ${specifier}`)
    }
    for (const word of [
      'ioredis',
      'Buffer',
      '__dirname',
      'NodeJS',
      'process.',
      'reference types',
    ]) {
      if (code.includes(word)) problems.push(`${file} mentions ${word}`)
    }
  }
  return problems
}

async function checkExports({ project, home }: Installed): Promise<readonly string[]> {
  const subpaths = Object.keys((await readManifest(home)).exports)
  const script = `
    const found = {}
    for (const path of ${JSON.stringify(subpaths.filter((path) => path !== './package.json'))}) {
      found[path] = Object.keys(await import('${NAME}' + path.slice(1))).sort()
    }
    const inside = await import('${NAME}/dist/middleware/guard.js').then(() => 'open', (error) => error.code)
    console.log(JSON.stringify({ found, inside }))`
  await writeFile(join(project, 'import.js'), script)
  const { stdout } = await promisify(execFile)(process.execPath, ['import.js'], { cwd: project })
  const { found, inside } = JSON.parse(stdout) as { found: object; inside: string }
  const expected = JSON.stringify(EXPORTS)
  return [
    ...(JSON.stringify(found) === expected
      ? []
      : [`exports are ${JSON.stringify(found)} instead of ${expected}`]),
    ...(inside === 'ERR_PACKAGE_PATH_NOT_EXPORTED' ? [] : ['the inside can be imported']),
  ]
}

async function checkDocumentedPaths(installed: Installed): Promise<readonly string[]> {
  const problems: string[] = []
  for (const [file, text] of await documentation(installed)) {
    for (const [, path = ''] of text.matchAll(/@claimcheck\/client(\/[\w/-]+)/g)) {
      if (EXPORTS[`.${path}`] === undefined) problems.push(`${file} speaks of ${NAME}${path}`)
    }
  }
  return problems
}

async function checkTypes(
  { project }: Installed,
  compilerOptions: object,
): Promise<readonly string[]> {
  await writeFile(join(project, 'consumer.ts'), CONSUMER)
  return compiles(project, ['consumer.ts'], { skipLibCheck: false, ...compilerOptions })
}

/** Every public name once, in a program that knows none of the frameworks. */
const CONSUMER = `
import { type Client, type ClientOptions, createClient, type Decision } from '${NAME}'
${FRAMEWORKS.map((name) => `import { protect as ${name} } from '${NAME}/${name}'`).join('\n')}
import { type FeedEvent, parseFreshness } from '${NAME}/wire'

const options: ClientOptions = { issuer: 'https://issuer.test', clientId: 'a', clientSecret: 'b' }
const claims: Client = createClient(options)
const decision: Decision = await claims.authorize('t', { role: 'teacher', context: 'course:1' })
// @ts-expect-error a role without a context
await claims.authorize('t', { role: 'teacher' })
export const sub: string = decision.ok ? decision.claims.sub : String(decision.retryAfterSeconds)
export const events: readonly FeedEvent['type'][] = []
export const epochs = parseFreshness('0:e:1')?.map((stamp) => stamp?.epoch)
${FRAMEWORKS.map((name) => `export const in_${name} = ${name}(claims, { scope: 'a' })`).join('\n')}
// @ts-expect-error a permission without a context
koa(claims, { permission: 'grade:write' })
`

async function checkExamples(installed: Installed): Promise<readonly string[]> {
  const folder = join(installed.project, 'examples')
  const modules = join(folder, 'node_modules')
  await mkdir(join(modules, '@claimcheck'), { recursive: true })
  await symlink(installed.home, join(modules, NAME))
  for (const name of [...FRAMEWORKS, '@koa', '@hono', '@types']) {
    await symlink(join(ROOT, 'node_modules', name), join(modules, name))
  }
  await writeJson(join(folder, 'package.json'), { private: true, type: 'module' })
  await writeFile(
    join(folder, 'given.d.ts'),
    `import type { Client } from '${NAME}'\ndeclare global {\n  const claims: Client\n  const token: string\n}\n`,
  )
  const files = ['given.d.ts']
  for (const [file, text] of await documentation(installed)) {
    for (const [number, code] of examplesIn(text).entries()) {
      const name = `${file.replaceAll(/[/.]/g, '-')}-${number + 1}.ts`
      await writeFile(join(folder, name), `${code}\nexport {}\n`)
      files.push(name)
    }
  }
  if (files.length < FRAMEWORKS.length) return ['no examples were found']
  return compiles(folder, files, { module: 'nodenext', types: ['node'], skipLibCheck: true })
}

/** Files whose interfaces are the public options, demands and reports; the other types mirror frameworks or the wire. */
const PUBLIC_INTERFACES = /^dist\/(?:client|decision|demands|health|options)\.d\.ts$/
/** An exported name, or a member of an interface. What is `undefined` or `unknown`, and `ok`, explains itself. */
const EXPORTED = /^export (?:declare )?(?:function|const|class|interface|type) (\w+)/
const MEMBER = /^ {4}(?:readonly )?(?!ok\b|constructor\b)(\w+)\??(?:: (?!undefined;|unknown;)|\()/
/** Files with functions that applications call. */
const ENTRY_POINTS = /^dist\/(?:client|middleware\/(?:koa|express|fastify|hono))\.d\.ts$/
const CALLED = /^export declare function (\w+)|^ {4}(\w+)\(.*Promise|^ {4}(peek|health|close)\(/

async function checkDocumented(installed: Installed): Promise<readonly string[]> {
  const problems: string[] = []
  for (const [file, text] of await documentation(installed)) {
    if (!file.endsWith('.d.ts')) continue
    const names = commentsOf(text, EXPORTED)
    const members = PUBLIC_INTERFACES.test(file) ? commentsOf(text, MEMBER) : []
    for (const [name, comment] of [...names, ...members]) {
      if (comment === '') problems.push(`${file}: ${name} has no doc comment`)
    }
  }
  return problems
}

async function checkExampled(installed: Installed): Promise<readonly string[]> {
  const problems: string[] = []
  for (const [file, text] of await documentation(installed)) {
    const isCode = ENTRY_POINTS.test(file)
    for (const [name, comment] of isCode ? commentsOf(text, CALLED) : []) {
      if (!comment.includes('@example')) problems.push(`${file}: ${name} has no example`)
    }
  }
  return problems
}

/** Names that a pattern finds at the beginning of lines, with the doc comment before each; '' without one. */
export function commentsOf(text: string, pattern: RegExp): readonly (readonly [string, string])[] {
  const lines = text.split('\n')
  return lines.flatMap((line, index) => {
    const name = pattern
      .exec(line)
      ?.slice(1)
      .find((group) => group !== undefined)
    if (name === undefined) return []
    const isCommented = lines[index - 1]?.endsWith('*/') === true
    const opened = lines.slice(0, index).findLastIndex((text) => text.trim().startsWith('/**'))
    return [[name, isCommented ? lines.slice(opened, index).join('\n') : '']]
  })
}

/** TypeScript blocks of a Markdown file or of doc comments. */
export function examplesIn(text: string): readonly string[] {
  const plain = text.replaceAll(/^ *\* ?/gm, '')
  return [...plain.matchAll(/^```ts\n(.*?)^```/gms)].map((match) => match[1] as string)
}

async function documentation({ home, files }: Installed): Promise<[string, string][]> {
  const documented = files.filter((file) => /\.(?:md|d\.ts)$/.test(file))
  return Promise.all(
    documented.map(
      async (file): Promise<[string, string]> => [file, await readFile(join(home, file), 'utf8')],
    ),
  )
}

async function compiles(
  folder: string,
  files: readonly string[],
  compilerOptions: object,
): Promise<readonly string[]> {
  const project = join(folder, 'tsconfig.json')
  await writeJson(project, {
    compilerOptions: { target: 'es2024', strict: true, noEmit: true, ...compilerOptions },
    files,
  })
  try {
    await compile(project)
    return []
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}

/** Runs npm without a registry, and without the settings of an npm that runs us. */
async function npm(cwd: string, ...args: string[]): Promise<void> {
  const own = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))
  const options = ['--offline', '--ignore-scripts', '--loglevel=error']
  await promisify(execFile)('npm', [...args, ...options], { cwd, env: Object.fromEntries(own) })
}

/** Only block comments hold examples. No string in this code begins a block comment. */
function withoutComments(code: string): string {
  return code.replaceAll(/\/\*.*?\*\//gs, '')
}

async function filesOf(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

async function readManifest(home: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as Manifest
}

function writeJson(path: string, value: unknown): Promise<void> {
  return writeFile(path, `${JSON.stringify(value, null, 2)}\n`)
}

async function main(): Promise<number> {
  const installed = await installPackage()
  let failed = 0
  try {
    for (const [what, check] of Object.entries(CHECKS)) {
      const problems = await check(installed)
      console.log(`claimcheck: ${problems.length === 0 ? 'yes' : 'NO '} ${NAME} ${what}`)
      for (const problem of problems) console.error(problem)
      failed += problems.length
    }
  } finally {
    await installed.remove()
  }
  return failed === 0 ? 0 : 1
}

if (import.meta.main) {
  try {
    process.exitCode = await main()
  } catch (error) {
    console.error(`claimcheck: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}
