// `npm run build`: compiles the client library for publishing, into client/dist or a folder that the caller
// names. The folder is emptied first: a stale file must not reach a package.

import { execFile } from 'node:child_process'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from './setup.mjs'

const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')

/** Runs the TypeScript compiler. @throws {Error} with what it said when it finds a mistake */
export async function compile(project: string, ...args: string[]): Promise<void> {
  try {
    await promisify(execFile)(process.execPath, [TSC, '-p', project, ...args], { cwd: ROOT })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`tsc -p ${project} failed\n${stdout}${stderr}`)
  }
}

// The compiler rewrites `./x.ts` in code only; in declarations older compilers would look for the source.
async function rewriteDeclarations(folder: string): Promise<void> {
  const files = await readdir(folder, { recursive: true })
  for (const file of files.filter((name) => name.endsWith('.d.ts'))) {
    const path = join(folder, file)
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replaceAll(/((?:from |import\()['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2'))
  }
}

/** Compiles client/src. */
export async function buildClient(outDir: string = join(ROOT, 'client', 'dist')): Promise<void> {
  await rm(outDir, { recursive: true, force: true })
  await compile(join(ROOT, 'client', 'tsconfig.build.json'), '--outDir', outDir)
  await rewriteDeclarations(outDir)
}

if (import.meta.main) {
  try {
    await buildClient()
  } catch (error) {
    console.error(`claimcheck: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}
