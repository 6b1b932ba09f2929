/** `claimcheck role`: who holds what where. The parts are in files of their own. */
import type { Command } from 'commander'
import { addNoun, type Declaring } from '../command.ts'
import { addAssignmentCommands } from './role-assignments.ts'
import { addImportCommand } from './role-import.ts'
import { addSchemaCommands } from './role-schema.ts'

/** Adds the noun. */
export function addRoleCommands(program: Command, declaring: Declaring): void {
  const role = addNoun(program, 'role', 'assign roles, see who holds them, say what they mean')
  addAssignmentCommands(role, declaring)
  addImportCommand(role, declaring)
  addSchemaCommands(role, declaring)
}
