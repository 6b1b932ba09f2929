import { handOver } from './setup.mjs'

await handOver('demo-freshness.ts')
