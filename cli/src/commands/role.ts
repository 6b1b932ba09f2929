/** `claimcheck role`: assignments, import, role schema. */
import type { Command } from 'commander'
import { addGroup, type Setup } from '../command.ts'
import { addAssignmentCommands } from './role-assignments.ts'
import { addImportCommand } from './role-import.ts'
import { addSchemaCommands } from './role-schema.ts'

/** Adds the commands. */
export function addRoleCommands(program: Command, setup: Setup): void {
  const role = addGroup(program, 'role', 'assign roles, list them, define them')
  addAssignmentCommands(role, setup)
  addImportCommand(role, setup)
  addSchemaCommands(role, setup)
}
