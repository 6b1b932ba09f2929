import { handOver } from './setup.mjs'

await handOver('measure-roles.ts')
