import { handOver } from './setup.mjs'

await handOver('../bench/main.ts')
