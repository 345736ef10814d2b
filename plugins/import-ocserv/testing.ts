import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LocalPlace } from '../../core/api.ts'
import { problemsOf } from '../../core/config/load.ts'
import { VERSION } from '../../core/version.ts'
import { TestClock } from '../../core/testing.ts'
import { plugins } from '../index.ts'

export const TESTDATA = join(import.meta.dirname, 'testdata')

/** A place without a store; configurations are checked as `postern check` does. */
export const placeWithoutStore: LocalPlace = {
  clock: new TestClock(),
  version: VERSION,
  dataDirectory: '/nonexistent',
  problemsOf: (text, file) => problemsOf(text, file, plugins),
  withStore: () => Promise.reject(new Error('there is no store')),
}

export const golden = (name: string, file: string): string => readFileSync(join(TESTDATA, name, file), 'utf8')
