/**
 * Sends the commands of one turn of the event loop in few writes, and answers each as soon as its own reply arrives.
 * Autopipelining of ioredis also saves writes, but it holds a turn's commands until all replies to the turn before have
 * arrived, so that node and Redis wait for each other; and for each batch it builds an object with every Redis command.
 */
import { type Command, Redis } from 'ioredis'
import type { RedisConnection } from './connection.ts'

/** Sends one command. */
export type SendCommand = (command: Command) => Promise<unknown>

/** A turn may take a millisecond: Redis begins with the first commands while node prepares the next. */
const MOST_HELD = 16

/** Makes the function of a connection. */
export function batchWrites(connection: RedisConnection): SendCommand {
  let sockets: readonly Redis['stream'][] = []
  let held = 0

  function hold(): void {
    sockets = socketsOf(connection)
    for (const socket of sockets) socket.cork()
    // After all commands of this turn, before the next turn.
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
 * A Cluster connection sends a command again when its connection is lost, even if the command has timed out: its caller
 * has an error already, and may have changed the same thing since. So only the first rejection counts.
 */
function refuseOnce(command: Command): void {
  const { reject } = command
  command.reject = (error) => {
    if (!command.isSettled) reject(error)
  }
}

/** The open sockets; a Cluster has one per node. */
function socketsOf(connection: RedisConnection): readonly Redis['stream'][] {
  const nodes = connection instanceof Redis ? [connection] : connection.nodes('all')
  return nodes.flatMap(({ stream }) => (stream === undefined ? [] : [stream]))
}
