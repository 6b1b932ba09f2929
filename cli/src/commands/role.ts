/** `claimcheck role`: who holds what where. The parts are in files of their own. */
import type { Command } from 'commander'
import { addCommandGroup, type CommandSetup } from '../command.ts'
import { addAssignmentCommands } from './role-assignments.ts'
import { addImportCommand } from './role-import.ts'
import { addSchemaCommands } from './role-schema.ts'

/** Adds the noun. */
export function addRoleCommands(program: Command, setup: CommandSetup): void {
  const role = addCommandGroup(
    program,
    'role',
    'assign roles, see who holds them, say what they mean',
  )
  addAssignmentCommands(role, setup)
  addImportCommand(role, setup)
  addSchemaCommands(role, setup)
}
