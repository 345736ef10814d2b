declare const __POSTERN_VERSION__: string | undefined
/** Version of this build; `dev` when run from source. */
export const VERSION = typeof __POSTERN_VERSION__ === 'string' ? __POSTERN_VERSION__ : 'dev'
