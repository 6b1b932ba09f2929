import { handOver } from './setup.mjs'

await handOver('check.ts')
