import { z } from 'zod'
import type { Plugin } from '../core/plugin.ts'

/**
 * Plugins of the design that are still to come. Their sections may stand in a configuration that is shared with newer
 * gateways; each is answered with a warning, and no back-end of theirs can be named in `auth`.
 */
const names = [
  'accounting', 'nvm-collector', 'nvm-exporter', 'reflector', 'fleet-mqtt', 'web-ui', 'metrics',
]

export const planned: readonly Plugin[] = names.map((name) => ({
  name,
  summary: 'not in this version',
  config: z.record(z.string(), z.unknown()),
  runsByDefault: false,
  absent: 'this version does not have the plugin',
  start: () => ({ skip: 'this version does not have the plugin' }),
}))
