import { handOver } from './setup.mjs'

await handOver('build-client.ts')
