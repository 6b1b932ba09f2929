#!/usr/bin/env node
// Starts the tool and passes on its exit code. The published package has compiled code; in the repository the source runs on
// the pinned Node. This file is plain JavaScript, so that an older Node can run it and report its version.

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const COMPILED = new URL('../dist/main.js', import.meta.url)
const SOURCE = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const PINNED_NODE = fileURLToPath(new URL('../../node_modules/node/bin/node', import.meta.url))
const COMMANDER = new URL('../../node_modules/commander', import.meta.url)
const OLDEST_NODE = 22
const USAGE = 2

if (existsSync(SOURCE)) runSource()
else if (Number.parseInt(process.versions.node, 10) >= OLDEST_NODE) await import(COMPILED.href)
else refuse(`Node ${OLDEST_NODE} or newer is needed; this is Node ${process.versions.node}`)

function runSource() {
  if (!existsSync(PINNED_NODE) || !existsSync(COMMANDER)) {
    refuse('packages are missing: run "npm ci" in the repository ("npm start" does it too)')
    return
  }
  const args = ['--conditions=claimcheck-source', SOURCE, ...process.argv.slice(2)]
  const child = spawn(PINNED_NODE, args, { stdio: 'inherit' })
  // The tool handles signals; this process waits for it. A terminal sends Ctrl-C to both.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.once('error', (error) => refuse(`the pinned Node cannot be run (${error.code})`))
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal]
  })
}

function refuse(message) {
  process.stderr.write(`claimcheck: ${message}\n`)
  process.exitCode = USAGE
}
