import { POLICY_KEYS, POLICY_PROPERTIES, policyUnit } from '../../core/policy/keys.ts'

const shown = (value: unknown): string => (Array.isArray(value) ? '`[]`' : value === '' ? '`""`' : `\`${JSON.stringify(value)}\``)

const duration = (seconds: number): string => (seconds > 0 && seconds % 3600 === 0 ? `${seconds / 3600}h` : seconds > 0 && seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`)

/** The table of policy keys in the README, made from the one source. */
export function policyTable(): string {
  const rows = POLICY_PROPERTIES.map((property) => {
    const { key, builtIn, description } = POLICY_KEYS[property]
    const { unit } = policyUnit(property)
    const value = typeof builtIn === 'number' && unit === 'duration' ? `\`${duration(builtIn)}\`` : shown(builtIn)
    return `| \`${key}\` | ${value} | ${description} |`
  })
  return ['| key of `[policy]` | built-in | meaning |', '|---|---|---|', ...rows].join('\n')
}

if (process.argv[1] === import.meta.filename) process.stdout.write(`${policyTable()}\n`)
