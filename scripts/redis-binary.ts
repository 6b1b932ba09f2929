// Finds the redis-server (or valkey-server) of this machine; on Debian and Ubuntu, as root, installs
// the distribution's package when there is none.
//
// The package would start a system-wide Redis and enable it for the next boot. Neither happens: a
// policy forbids the start while this process lives, and the service is disabled again. This
// module does not run a server; redis.ts does.

import { execFileSync, type StdioOptions } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from './setup.mjs'

const NAMES = ['redis-server', 'valkey-server']
// Folders that may hold a server although an ordinary user's PATH lacks them.
const USUAL_FOLDERS = ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin']
const OLDEST_MAJOR = 7
const POLICY_PATH = '/usr/sbin/policy-rc.d'
const APT_INSTALL = ['install', '-y', '--no-install-recommends', 'redis-server']

/** The first of the names that is executable in one of the folders. */
export function findBinary(folders: readonly string[]): string | undefined {
  for (const name of NAMES) {
    for (const folder of folders) {
      if (folder === '') continue
      const path = join(folder, name)
      if (isExecutable(path)) return path
    }
  }
  return undefined
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // The search treats a forbidden file like an absent one.
    return false
  }
}

/** The major version in what `redis-server --version` prints; undefined when it says something else. */
export function serverMajor(versionLine: string): number | undefined {
  const match = /\bv=(\d+)\./.exec(versionLine)
  return match?.[1] === undefined ? undefined : Number(match[1])
}

/**
 * The path of a Redis server that is new enough. Installs one where that is possible.
 *
 * @throws {Error} naming the command to run when there is none and none can be installed.
 */
export async function redisServerBinary(): Promise<string> {
  const given = process.env.CLAIMCHECK_TEST_REDIS_SERVER
  if (given !== undefined && given !== '') {
    if (!isExecutable(given))
      throw new Error(`CLAIMCHECK_TEST_REDIS_SERVER cannot be run: ${given}`)
    return given
  }
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...USUAL_FOLDERS]
  const found = findBinary(folders) ?? (await installPackage(folders))
  const version = execFileSync(found, ['--version'], { encoding: 'utf8' })
  if ((serverMajor(version) ?? 0) < OLDEST_MAJOR) {
    throw new Error(`Redis ${OLDEST_MAJOR} or newer is needed; ${found} says: ${version.trim()}`)
  }
  return found
}

async function installPackage(folders: readonly string[]): Promise<string> {
  if (!existsSync('/etc/debian_version')) {
    throw new Error(
      'no redis-server on this machine; install Redis 7 or newer (on macOS: brew install redis), ' +
        'or set CLAIMCHECK_REDIS_URL',
    )
  }
  if (process.getuid?.() !== 0) {
    throw new Error(
      'no redis-server on this machine; run\n' +
        `  sudo apt-get update && sudo apt-get ${APT_INSTALL.join(' ')}\n` +
        'and try again, or set CLAIMCHECK_REDIS_URL',
    )
  }
  console.log('claimcheck: no redis-server on this machine: installing the Debian package')
  await withoutServiceStart(async () => {
    await apt(['update'])
    await apt(APT_INSTALL)
  })
  const found = findBinary(folders)
  if (found === undefined) throw new Error('the package redis-server brought no redis-server')
  return found
}

/** Runs apt-get and asks nothing. @throws {Error} when it fails */
export async function apt(args: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  // The tests' closing line and the printed commands stay alone on standard output.
  const stdio: StdioOptions = ['ignore', 2, 2]
  const end = await run('apt-get', args, { env, stdio })
  if (end.code === 0) return
  throw new Error(`apt-get ${args.join(' ')} failed; its error is above`)
}

async function withoutServiceStart(work: () => Promise<void>): Promise<void> {
  const isOurs = !existsSync(POLICY_PATH)
  // Should this process be killed before it removes the file, the policy permits everything again.
  const policy = `#!/bin/sh\nkill -0 ${process.pid} 2>/dev/null && exit 101\nexit 0\n`
  if (isOurs) writeFileSync(POLICY_PATH, policy, { mode: 0o755, flag: 'wx' })
  try {
    await work()
  } finally {
    if (isOurs && readFileSync(POLICY_PATH, 'utf8') === policy) rmSync(POLICY_PATH)
    // A policy that was here before may have let the service start.
    if (!isOurs) await quietly('invoke-rc.d', ['redis-server', 'stop'])
    await quietly('update-rc.d', ['redis-server', 'disable'])
  }
}

// A system without the command has no such services to stop or to disable.
async function quietly(command: string, args: readonly string[]): Promise<void> {
  await run(command, args, { stdio: 'ignore' }).catch(() => undefined)
}
