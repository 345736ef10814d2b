import { GatewayError, type CommandDefinition, type CommandInput, type CommandLineHost, type CommandResult, type LocationOptions } from '../../core/api.ts'
import { askGateway } from './gateway-client.ts'

/** Runs a command where its definition says. Throws `NOT_RUNNING` when only a gateway could answer. */
export async function invoke(definition: CommandDefinition, input: CommandInput, location: LocationOptions, host: CommandLineHost): Promise<CommandResult> {
  if (definition.where === 'local') return host.runOffline(location, definition.path, input)
  const socketPath = host.socketPath(location)
  const result = await askGateway(socketPath, definition.path, input)
  if (result) return result
  if (definition.where === 'either') return host.runOffline(location, definition.path, input)
  throw new GatewayError('NOT_RUNNING', `the gateway does not run (no answer on ${socketPath}); start it with: postern serve`)
}
