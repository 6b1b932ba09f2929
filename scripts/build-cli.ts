// `npm run build:cli`: compiles the operator's tool for publishing, into cli/dist or a folder that the caller names. It is
// compiled against the built client library, as its users run it, so the library is built first.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { buildClient, compile } from './build-client.ts'
import { ROOT } from './setup.mjs'

/** Compiles cli/src. client/dist must be built already. */
export async function buildCli(outDir: string = join(ROOT, 'cli', 'dist')): Promise<void> {
  await rm(outDir, { recursive: true, force: true })
  await compile(join(ROOT, 'cli', 'tsconfig.build.json'), '--outDir', outDir)
}

if (import.meta.main) {
  try {
    await buildClient()
    await buildCli()
  } catch (error) {
    console.error(`claimcheck: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}
