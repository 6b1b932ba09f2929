import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { pickPorts } from '../../../scripts/ports.ts'

const HOST = '127.0.0.1'
const other = createServer()
let taken: number

beforeEach(async () => {
  other.listen(0, HOST)
  await once(other, 'listening')
  taken = (other.address() as AddressInfo).port
})

afterEach(() => {
  other.close()
})

const wish = (setting: string, port: number) => ({ setting, what: 'the issuer', port })

it('replaces 0 by free ports that differ', async () => {
  const [a, b] = await pickPorts(HOST, [wish('A', 0), wish('B', 0)], 0)
  expect(a).toBeGreaterThan(0)
  expect(b).toBeGreaterThan(0)
  expect(a).not.toBe(b)
})

it('names every port that is taken and the setting that moves it', async () => {
  const picked = pickPorts(HOST, [wish('PORT_A', taken), wish('PORT_B', taken)], 0)
  await expect(picked).rejects.toThrow(
    `port ${taken} on 127.0.0.1, wanted for the issuer, is taken: stop what listens there, ` +
      'or move the issuer with PORT_A=<port> (0 takes any free port)\n' +
      `port ${taken} on 127.0.0.1, wanted for the issuer, is taken: stop what listens there, ` +
      'or move the issuer with PORT_B=<port> (0 takes any free port)',
  )
})

it('finds out that two wishes are for the same port', async () => {
  const [free = 0] = await pickPorts(HOST, [wish('A', 0)], 0)
  await expect(pickPorts(HOST, [wish('A', free), wish('B', free)], 0)).rejects.toThrow('B=<port>')
})

it('waits for a port that is about to become free', async () => {
  const picked = pickPorts(HOST, [wish('A', taken)], 30_000)
  other.close()
  expect(await picked).toEqual([taken])
})

it('says that a host is not of this machine', async () => {
  await expect(pickPorts('192.0.2.1', [wish('A', 0)], 0)).rejects.toThrow('see CLAIMCHECK_HOST')
})
