import { handOver } from './setup.mjs'

const part = ['watch', 'roles'].includes(process.argv[2]) ? process.argv[2] : 'main'
await handOver(`../examples/grade-book/${part}.ts`)
