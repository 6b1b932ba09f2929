import { handOver } from './setup.mjs'

const part = process.argv[2] === 'watch' ? 'watch' : 'main'
await handOver(`../examples/grade-book/${part}.ts`)
