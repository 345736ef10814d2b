import type { Admission, AdmissionRule } from '../../core/api.ts'
import { banText } from './ban.ts'
import type { BanList } from './ban-list.ts'
import { accountOf } from './place.ts'

/** A user who is banned gets no session by whatever way the name was proved: a certificate or a browser names nobody before. */
export class BanRule implements AdmissionRule {
  readonly name = 'login-guard'

  constructor(private readonly bans: Pick<BanList, 'ofUser' | 'left'>) {}

  refuse({ identity }: Pick<Admission, 'identity'>): ReturnType<AdmissionRule['refuse']> {
    const ban = this.bans.ofUser(accountOf(identity.user))
    return ban && { text: banText(ban, this.bans.left(ban)), reason: 'banned' }
  }
}
