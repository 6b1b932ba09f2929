import { handOver } from './setup.mjs'

await handOver('measure-revocations.ts')
