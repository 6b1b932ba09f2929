import { handOver } from './setup.mjs'

await handOver('measure-import.ts')
