// Holds what was built to its budget, and puts it into dist file by file, so that a build of the program meanwhile always finds one.
import { cpSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'

const built = '.built', dist = 'dist'
const budget = { js: 160, css: 12 } // kB (1,000 bytes) of the first load, gzip -9

function files(root, at = root) {
  return readdirSync(at, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? files(root, join(at, e.name)) : [relative(root, join(at, e.name))]))
}
const packed = (name) => gzipSync(readFileSync(join(built, name)), { level: 9 }).length / 1000

// The first load is what the page names, what that imports at once, and the largest screen with what it imports.
function closure(name, seen = new Set()) {
  if (seen.has(name)) return seen
  seen.add(name)
  for (const [, next] of readFileSync(join(built, name), 'utf8').matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) closure(`assets/${next}`, seen)
  return seen
}
const all = files(built)
const first = closure('assets/index.js')
const size = (names) => [...names].reduce((sum, name) => sum + packed(name), 0)
let largest = { name: '', js: size(first) }
for (const name of all.filter((n) => n.endsWith('.js'))) {
  const js = size(new Set([...first, ...closure(name)]))
  if (js > largest.js) largest = { name, js }
}
const css = size(all.filter((n) => n.endsWith('.css')))
console.log(`first load: ${size(first).toFixed(1)} kB of JavaScript (gzip), with the largest screen (${largest.name}) ${largest.js.toFixed(1)}; style ${css.toFixed(1)} in all`)
if (largest.js > budget.js || css > budget.css) {
  console.error(`that is more than its budget: ${budget.js} kB of JavaScript, ${budget.css} kB of style`)
  process.exit(1)
}
cpSync(built, dist, { recursive: true })
const kept = new Set(all)
for (const name of files(dist)) if (!kept.has(name)) rmSync(join(dist, name))
if (!statSync(join(dist, 'index.html')).isFile()) process.exit(1)
rmSync(built, { recursive: true })
