/**
 * Sends commands so that those of one turn of the event loop leave in few writes, and each is answered as soon as its own
 * reply is there. The client's own autopipelining has the first half only: it keeps a turn's commands back until every reply to the
 * turn before has come, so that node and Redis wait for each other, and it builds an object with every command Redis
 * has for each batch.
 */
import { type Command, Redis } from 'ioredis'
import type { RedisConnection } from './connection.ts'

/** Sends one command. */
export type SendCommand = (command: Command) => Promise<unknown>

/** A turn may have work for a millisecond: Redis begins with the first commands while node goes on to the next. */
const MOST_HELD = 16

/** Makes the function of a connection. */
export function batchWrites(connection: RedisConnection): SendCommand {
  let sockets: readonly Redis['stream'][] = []
  let held = 0

  function hold(): void {
    sockets = socketsOf(connection)
    for (const socket of sockets) socket.cork()
    // After everything the turn has to say, before the next one is waited for.
    setImmediate(release)
  }

  function release(): void {
    held = 0
    for (const socket of sockets) socket.uncork()
  }

  function letGo(): void {
    for (const socket of sockets) {
      socket.uncork()
      socket.cork()
    }
  }

  return (command) => {
    if (held === 0) hold()
    else if (held % MOST_HELD === 0) letGo()
    held++
    const answered = connection.sendCommand(command) as Promise<unknown>
    refuseOnce(command)
    return answered
  }
}

/**
 * A Cluster connection makes of a refusal for a lost connection that the command is sent again, even one that was refused
 * for its time long ago: its caller was told that nothing happened, and somebody may have changed the same thing since.
 */
function refuseOnce(command: Command): void {
  const { reject } = command
  command.reject = (error) => {
    if (!command.isSettled) reject(error)
  }
}

/** Those that are open; a cluster has one a node. */
function socketsOf(connection: RedisConnection): readonly Redis['stream'][] {
  const nodes = connection instanceof Redis ? [connection] : connection.nodes('all')
  return nodes.flatMap(({ stream }) => (stream === undefined ? [] : [stream]))
}
