/** Counts what introspections came to. The labels are a closed set: causes, never names. */
import { Counter, type Registry } from 'prom-client'
import type { Answer } from './answer.ts'

/** Counts one answer. */
export type CountOutcome = (outcome: Answer['outcome']) => void

/** Adds the counter to a registry. */
export function createOutcomeCounter(registry: Registry): CountOutcome {
  const counter = new Counter({
    name: 'claimcheck_introspections_total',
    help: 'Introspected tokens by what they came to; all but active look alike to callers',
    labelNames: ['outcome'] as const,
    registers: [registry],
  })
  return (outcome) => counter.inc({ outcome })
}
