import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import esbuild from 'rollup-plugin-esbuild'

const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
const packages = Object.keys(manifest.dependencies)

// One run, shared chunks: a token or a class exists once, whichever entry loaded it.
export default {
  input: { main: 'core/main.ts', plugins: 'plugins/index.ts' },
  output: {
    dir: 'dist',
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunk-[name].js',
    sourcemap: true,
  },
  external: (id) => id.startsWith('node:') || builtinModules.includes(id) || packages.some((name) => id === name || id.startsWith(`${name}/`)) || id.endsWith('.node'),
  plugins: [esbuild({ target: 'node20', tsconfig: 'tsconfig.json', define: { __POSTERN_VERSION__: JSON.stringify(manifest.version) } })],
}
