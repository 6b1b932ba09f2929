/** The entry point: the only module that reads the process, its clock and its signals. Exits with the tool's exit code. */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { runTool } from './tool.ts'

const MANIFEST = new URL('../package.json', import.meta.url)
/** A terminal sends Ctrl-C to the tool and to its launcher, which forwards it: two signals for one key press. */
const SAME_SIGNAL_MS = 500

const interruption = new AbortController()
let interruptedMs: number | undefined

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interruptedMs ??= performance.now()
    // A second Ctrl-C stops at once.
    if (performance.now() - interruptedMs > SAME_SIGNAL_MS) process.exit(130)
    interruption.abort()
  })
}

const { version } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { version: string }

const code = await runTool({
  args: process.argv.slice(2),
  env: process.env,
  cwd: process.cwd(),
  home: homedir(),
  userId: process.getuid?.(),
  version,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  nowMs: () => Date.now(),
  elapsedMs: () => performance.now(),
  random: () => Math.random(),
  interrupted: interruption.signal,
})
// Kept-alive connections and an open standard input would keep the process alive for seconds.
process.exit(code)
