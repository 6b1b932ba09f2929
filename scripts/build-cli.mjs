import { handOver } from './setup.mjs'

await handOver('build-cli.ts')
