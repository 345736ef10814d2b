/**
 * The only place that touches tsyringe. `reflect-metadata` has to be evaluated before it, in every
 * bundle chunk, so both are imported here and nowhere else (a rule test checks this).
 */
import 'reflect-metadata'

export { container, inject, injectable } from 'tsyringe'
export type { DependencyContainer } from 'tsyringe'
