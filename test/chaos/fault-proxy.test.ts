/** The proxy does exactly what it says: a fault that does not happen would prove nothing. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { waitFor } from '../fixture/wait-for.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { createRandom } from './random.ts'

interface Echo {
  readonly port: number
  readonly heard: string[]
  readonly server: Server
}

const sockets: Socket[] = []
let echoes: readonly [Echo, Echo]
let proxy: FaultProxy

/** Answers every chunk with its own name and the chunk. */
async function startEcho(name: string): Promise<Echo> {
  const heard: string[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      heard.push(String(chunk))
      socket.write(name + String(chunk))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, heard, server }
}

function dial() {
  const socket = connect(proxy.port, '127.0.0.1')
  const dialled = { socket, got: '', isOver: false }
  sockets.push(socket)
  socket.on('data', (chunk) => {
    dialled.got += String(chunk)
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    dialled.isOver = true
  })
  return dialled
}

beforeEach(async () => {
  echoes = [await startEcho('a'), await startEcho('b')]
  proxy = await startFaultProxy([echoes[0].port], createRandom(1))
})

afterEach(async () => {
  await proxy.close()
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const { server } of echoes) server.close()
})

it('passes everything on, the end too', async () => {
  const { socket } = dial()
  socket.end('hello')
  await once(socket, 'close')
  expect(echoes[0].heard).toEqual(['hello'])
  await waitFor(() => proxy.connections === 0)
})

it('holds one direction and lets the other pass', async () => {
  const one = dial()
  one.socket.write('1')
  await waitFor(() => one.got === 'a1')
  proxy.hold('down')
  one.socket.write('2')
  await waitFor(() => echoes[0].heard.length === 2)
  expect(one.got).toBe('a1')
  proxy.heal()
  await waitFor(() => one.got === 'a1a2')
})

it('lets a newer connection overtake an older one', async () => {
  const older = dial()
  await once(older.socket, 'connect')
  await waitFor(() => proxy.connections === 1)
  proxy.holdOlder()
  older.socket.write('old')
  const newer = dial()
  newer.socket.write('new')
  await waitFor(() => newer.got === 'anew')
  expect(echoes[0].heard).toEqual(['new'])
  proxy.heal()
  await waitFor(() => older.got === 'aold')
})

it('cuts, loses what it held, and refuses', async () => {
  const one = dial()
  await waitFor(() => proxy.connections === 1)
  proxy.hold('up')
  one.socket.write('lost')
  proxy.refuse()
  const refused = dial()
  await waitFor(() => refused.isOver)
  proxy.cut()
  await waitFor(() => one.isOver)
  proxy.heal()
  const next = dial()
  next.socket.write('kept')
  await waitFor(() => next.got === 'akept')
  expect(echoes[0].heard).toEqual(['kept'])
})

it('hands new connections to another server and leaves open ones alone', async () => {
  const older = dial()
  older.socket.write('1')
  await waitFor(() => older.got === 'a1')
  proxy.aim([echoes[1].port])
  const newer = dial()
  newer.socket.write('1')
  older.socket.write('2')
  await waitFor(() => newer.got === 'b1' && older.got === 'a1a2')
})

it('delays without reordering', async () => {
  proxy.delay(20)
  const one = dial()
  const startedAt = performance.now()
  one.socket.write('1')
  await waitFor(() => echoes[0].heard.length === 1)
  expect(performance.now() - startedAt).toBeGreaterThan(20)
  one.socket.write('2')
  await waitFor(() => echoes[0].heard.join('') === '12')
})

it('holds no more than a bounded amount', async () => {
  const one = dial()
  await waitFor(() => proxy.connections === 1)
  proxy.hold('up')
  const chunk = Buffer.alloc(1 << 20)
  for (let n = 0; n < 64; n++) one.socket.write(chunk)
  // What neither the proxy nor the kernel takes stays with the sender, for as long as one looks.
  let before = -1
  let unchanged = 0
  await waitFor(() => {
    unchanged = one.socket.writableLength === before ? unchanged + 1 : 0
    before = one.socket.writableLength
    return unchanged === 10
  })
  expect(one.socket.writableLength).toBeGreaterThan(32 << 20)
})
