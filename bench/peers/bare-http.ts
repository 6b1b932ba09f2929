// A handler of node:http alone that reads the body and answers a text of the length of an introspection's.
import { createServer } from 'node:http'
import { ANSWER } from './answer.ts'
import { serve } from './serve.ts'

const server = createServer((req, res) => {
  req.on('data', () => undefined)
  req.on('end', () => {
    res.setHeader('Content-Type', 'application/json')
    res.end(ANSWER)
  })
})
serve(server)
