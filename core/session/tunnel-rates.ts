import type { RateShare, TunnelSpec } from '../dataplane.ts'
import type { Policy } from '../policy/policy.ts'
import { without } from './bare-spec.ts'

type Rates = Pick<TunnelSpec, 'rateUp' | 'rateDown' | 'shares'>
interface Owner {
  readonly user: string
  readonly group: string
  readonly policy: { readonly values: Policy }
}

/** The rates of a session's tunnel, and the numbers under which users and groups share theirs in the data plane. */
export class TunnelRates {
  /** Of all who ever had one, since this process began. */
  private readonly numbers = new Map<string, number>()

  /** Empty without a limit: the data plane then has nothing to do. */
  of({ user, group, policy: { values } }: Owner): Rates {
    const shares = [
      this.share(`user ${user.toLowerCase()}`, values.userRateUp, values.userRateDown),
      this.share(`group ${group}`, values.groupRateUp, values.groupRateDown),
    ].filter((share) => share !== undefined)
    const { rateUp, rateDown } = values
    return { ...(rateUp > 0 && { rateUp }), ...(rateDown > 0 && { rateDown }), ...(shares.length > 0 && { shares }) }
  }

  /** `spec` with the rates of now. */
  applied(spec: TunnelSpec, owner: Owner): TunnelSpec {
    return { ...without(spec, 'rateUp', 'rateDown', 'shares'), ...this.of(owner) }
  }

  private share(name: string, rateUp: number, rateDown: number): RateShare | undefined {
    if (rateUp === 0 && rateDown === 0) return undefined
    const id = this.numbers.get(name) ?? this.numbers.size + 1
    this.numbers.set(name, id)
    return { id, rateUp, rateDown }
  }
}
