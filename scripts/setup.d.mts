// The types of setup.mjs, for the scripts and tests that import it.

import type { ChildProcess, SpawnOptions } from 'node:child_process'

export interface Lock {
  readonly packages: Readonly<Record<string, LockEntry>>
}

export interface LockEntry {
  readonly version?: string
  readonly integrity?: string
  readonly optional?: boolean
  readonly devOptional?: boolean
}

export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export const ROOT: string
export function nodeProblem(version: string): string | undefined
export function lockHash(lockText: string): string
export function isSameTree(lock: Lock, installed: Lock): boolean
export function packagesProblem(root: string): string | undefined
export function pathOutside(root: string, path: string): string
export function run(
  command: string,
  args: readonly string[],
  options?: SpawnOptions,
  onStart?: (child: ChildProcess) => void,
): Promise<ProcessEnd>
export function handOver(program: string, args: readonly string[]): Promise<void>
