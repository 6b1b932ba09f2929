/**
 * Sends commands so that all of one turn of the event loop leave in one write, and each is answered as soon as its own reply
 * is there. The client's own autopipelining has the first half only: it keeps a turn's commands back until every reply to the
 * turn before has come, so that node and Redis wait for each other, and it builds an object with every command Redis
 * has for each batch.
 */
import { type Command, Redis } from 'ioredis'
import type { RedisConnection } from './connection.ts'

/** Sends one command. */
export type SendCommand = (command: Command) => Promise<unknown>

/** Makes the function of a connection. */
export function joinWrites(connection: RedisConnection): SendCommand {
  let isHolding = false

  function hold(): void {
    isHolding = true
    const sockets = socketsOf(connection)
    for (const socket of sockets) socket.cork()
    // After everything the turn has to say, before the next one is waited for.
    setImmediate(() => {
      isHolding = false
      for (const socket of sockets) socket.uncork()
    })
  }

  return (command) => {
    if (!isHolding) hold()
    return connection.sendCommand(command) as Promise<unknown>
  }
}

/** Those that are open; a cluster has one a node. */
function socketsOf(connection: RedisConnection): readonly Redis['stream'][] {
  const nodes = connection instanceof Redis ? [connection] : connection.nodes('all')
  return nodes.flatMap(({ stream }) => (stream === undefined ? [] : [stream]))
}
