import type { GroupConfig } from '../../core/api.ts'

export interface ChosenGroup {
  readonly group: GroupConfig
  /** `url`: forced by the address, so there is nothing to pick; `client`: picked or remembered; `default`: nobody chose. */
  readonly by: 'url' | 'client' | 'default'
}

/** The groups as a client meets them. */
export class GroupChoice {
  /** Those of now, in the order of the file; the first is the default. */
  constructor(private readonly current: () => Iterable<GroupConfig>) {}

  private get groups(): readonly GroupConfig[] {
    const groups = [...this.current()]
    if (groups.length === 0) throw new Error('there is always a group')
    return groups
  }

  get first(): GroupConfig {
    return this.groups[0] as GroupConfig
  }

  byName(name: string): GroupConfig | undefined {
    return this.groups.find((group) => group.name === name)
  }

  /**
   * `path` is that of the request, `groupAccess` the URL that the user typed, `groupSelect` a name or a label. What names no
   * group is passed over in silence: a client sends the choice it remembers from another gateway.
   */
  choose(request: { readonly path: string; readonly groupAccess?: string | undefined; readonly groupSelect?: string | undefined }): ChosenGroup {
    const byUrl = this.byPath(request.path) ?? this.byPath(pathOf(request.groupAccess))
    if (byUrl) return { group: byUrl, by: 'url' }
    const selected = this.bySelect(request.groupSelect)
    if (selected) return { group: selected, by: 'client' }
    return { group: this.first, by: 'default' }
  }

  bySelect(select: string | undefined): GroupConfig | undefined {
    if (select === undefined) return undefined
    return this.byName(select) ?? this.groups.find((group) => group.label === select)
  }

  /** What the client offers: the chosen one first, because some clients show the first as selected; empty with one group. */
  offer(chosen: ChosenGroup): readonly GroupConfig[] {
    const listed = this.groups.filter((group) => group.listed !== false)
    if (listed.length < 2 || chosen.by === 'url') return []
    const isChosen = ({ name }: GroupConfig): boolean => name === chosen.group.name
    return [...listed.filter(isChosen), ...listed.filter((group) => !isChosen(group))]
  }

  byPath(path: string): GroupConfig | undefined {
    const segment = /^\/([^/]{1,256})\/?$/.exec(path)?.[1]
    return segment === undefined ? undefined : this.byName(decoded(segment))
  }
}

const pathOf = (url: string | undefined): string => (url !== undefined && URL.canParse(url) ? new URL(url).pathname : '/')

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (error) {
    if (error instanceof URIError) return segment
    throw error
  }
}
