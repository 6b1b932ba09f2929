// `node scripts/cli-reference.mjs`: writes docs/cli.md anew from the commands of the tool.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from './setup.mjs'

const node = join(ROOT, 'node_modules', 'node', 'bin', 'node')
const args = ['--conditions=claimcheck-source', join(ROOT, 'scripts', 'cli-reference.ts')]
process.exitCode = spawnSync(node, args, { stdio: 'inherit' }).status ?? 1
