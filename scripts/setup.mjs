// What run.mjs does before TypeScript can run: install the
// packages of package-lock.json when they are missing or older than it, find the pinned Node 24 and
// hand over to it.
//
// Plain JavaScript without a package, for the Node that happens to be on the machine (20 or newer).
// Silent and instant when there is nothing to do. It never touches Redis or a service.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const OLDEST_NODE_MAJOR = 20
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']
const PARENT_POLL_MS = 1000

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

export function nodeProblem(version) {
  if (Number.parseInt(version, 10) >= OLDEST_NODE_MAJOR) return undefined
  return `Node ${OLDEST_NODE_MAJOR} or newer is needed to begin; this is Node ${version}`
}

export function lockHash(lockText) {
  return createHash('sha256').update(lockText).digest('hex')
}

/** Whether npm's own record of what it installed holds everything the lockfile asks for. */
export function isSameTree(lock, installed) {
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (path === '') return true
    const found = installed.packages[path]
    // Builds for other platforms are in the lockfile and rightly not on the disk.
    if (found === undefined) return wanted.optional === true || wanted.devOptional === true
    return found.version === wanted.version && found.integrity === wanted.integrity
  })
}

/** Why `npm ci` is due, or undefined. Accepts an installation that a person made by hand. */
export function packagesProblem(root) {
  const modules = join(root, 'node_modules')
  const record = join(modules, '.package-lock.json')
  const stamp = join(modules, '.claimcheck-lock')
  const lockText = readFileSync(join(root, 'package-lock.json'), 'utf8')
  if (!existsSync(record)) return 'packages are missing'
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lockHash(lockText)) return undefined
  if (!isSameTree(JSON.parse(lockText), JSON.parse(readFileSync(record, 'utf8')))) {
    return 'packages are older than package-lock.json'
  }
  writeFileSync(stamp, lockHash(lockText))
  return undefined
}

/** PATH without this checkout's binaries: `npm ci` deletes the Node that they point to. */
export function pathOutside(root, path) {
  return path
    .split(delimiter)
    .filter((entry) => !resolve(entry).startsWith(resolve(root, 'node_modules')))
    .join(delimiter)
}

/**
 * Runs a command on this terminal until it ends, passing stop signals on to it.
 * Resolves with its exit code or the signal that ended it.
 */
export function run(command, args, options = {}, onStart = () => {}) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit', ...options })
    onStart(child)
    const forward = (signal) => child.kill(signal)
    for (const signal of STOP_SIGNALS) process.on(signal, forward)
    const settle = (settled, value) => {
      for (const signal of STOP_SIGNALS) process.off(signal, forward)
      settled(value)
    }
    child.once('error', (error) => settle(fail, error))
    child.once('exit', (code, signal) => settle(done, { code, signal }))
  })
}

async function installPackages(reason) {
  say(`${reason}: running npm ci (about half a minute)`)
  const env = { ...process.env, PATH: pathOutside(ROOT, process.env.PATH ?? '') }
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
  const end = await run('npm', args, { env }).catch((error) => {
    throw new Error(`npm cannot be run (${error.code ?? error.message}); install npm`)
  })
  if (end.signal !== null) throw new Error(`npm ci was stopped by ${end.signal}`)
  if (end.code !== 0) {
    throw new Error(`npm ci failed with exit code ${end.code}; its error is above`)
  }
  const lockText = readFileSync(join(ROOT, 'package-lock.json'), 'utf8')
  writeFileSync(join(ROOT, 'node_modules', '.claimcheck-lock'), lockHash(lockText))
}

// npm may be configured to run no install scripts; the package `node` then has no binary.
async function pinnedNode() {
  const folder = join(ROOT, 'node_modules', 'node')
  const binary = join(folder, 'bin', 'node')
  if (existsSync(binary)) return binary
  say('the pinned Node has no binary yet (install scripts did not run): fetching it')
  const env = { ...process.env, PATH: pathOutside(ROOT, process.env.PATH ?? '') }
  const options = { cwd: folder, env }
  await run(process.execPath, ['installArchSpecificPackage.js'], options).catch(() => undefined)
  if (existsSync(binary)) return binary
  throw new Error(
    'the pinned Node could not be fetched; run\n' +
      '  npm rebuild node --ignore-scripts=false\nand try again',
  )
}

// Started by npm, this process must not outlive it: a killed npm cannot pass a signal on.
function stopWithNpm(child) {
  if (process.env.npm_lifecycle_event === undefined) return
  const npm = process.ppid
  const poll = setInterval(() => {
    if (process.ppid === npm) return
    clearInterval(poll)
    child.kill('SIGTERM')
  }, PARENT_POLL_MS)
  poll.unref()
}

function say(message) {
  console.log(`claimcheck: ${message}`)
}

function refuse(message) {
  console.error(`claimcheck: ${message}`)
  process.exit(1)
}

/** Runs a TypeScript program of this checkout on the pinned Node and ends as it ends. */
export async function handOver(program, programArgs) {
  const problem = nodeProblem(process.versions.node)
  if (problem !== undefined) refuse(problem)
  try {
    const due = packagesProblem(ROOT)
    if (due !== undefined) await installPackages(due)
    const node = await pinnedNode()
    const bin = [join(ROOT, 'node_modules', '.bin'), join(ROOT, 'node_modules', 'node', 'bin')]
    const PATH = [...bin, process.env.PATH ?? ''].join(delimiter)
    // The channel carries nothing. When it closes, the child knows that this process is gone.
    const stdio = ['inherit', 'inherit', 'inherit', 'ipc']
    // Our own packages are run from their sources, not from what was built last.
    const args = ['--conditions=claimcheck-source', program, ...programArgs]
    const env = { ...process.env, PATH }
    const end = await run(node, args, { stdio, env }, stopWithNpm)
    if (end.signal !== null) process.kill(process.pid, end.signal)
    else process.exitCode = end.code
  } catch (error) {
    refuse(error.message)
  }
}
