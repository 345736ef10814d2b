import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { fileURLToPath } from 'node:url'
import esbuild from 'rollup-plugin-esbuild'

const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
// Taken in: of the hundred files that it is read from at every start, a command of the command line uses a few.
const bundled = ['zod']
const packages = Object.keys(manifest.dependencies).filter((name) => !bundled.includes(name))

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
  treeshake: { moduleSideEffects: (id) => !id.includes('/node_modules/') },
  plugins: [{ name: 'bundled', resolveId: (id) => (bundled.includes(id) ? fileURLToPath(import.meta.resolve(id)) : null) }, esbuild({ target: 'node20', tsconfig: 'tsconfig.json', define: { __POSTERN_VERSION__: JSON.stringify(manifest.version) } })],
}
