import { handOver } from './setup.mjs'

await handOver('check-package.ts')
