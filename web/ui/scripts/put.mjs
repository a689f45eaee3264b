// Holds what was built to its budget, and puts it into dist file by file, so that a build of the program meanwhile always finds one.
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import { licenses } from './licenses.mjs'

const built = '.built', dist = 'dist'
writeFileSync(join(built, 'licenses.txt'), licenses())
const budget = { first: 160, any: 190, css: 16 } // kB (1,000 bytes), gzip -9: of JavaScript for the first screen, for any screen; of the style of all screens, of which a first load reads less than half

function files(root, at = root) {
  return readdirSync(at, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? files(root, join(at, e.name)) : [relative(root, join(at, e.name))]))
}
const packed = (name) => gzipSync(readFileSync(join(built, name)), { level: 9 }).length / 1000

// A load is what the page names, a screen, and what the two import at once. People come in at Home, or by a link to a run.
function closure(name, seen = new Set()) {
  if (seen.has(name)) return seen
  seen.add(name)
  for (const [, next] of readFileSync(join(built, name), 'utf8').matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) closure(`assets/${next}`, seen)
  return seen
}
const all = files(built)
const first = closure('assets/index.js')
const size = (names) => [...names].reduce((sum, name) => sum + packed(name), 0)
const load = (screen) => size(closure(screen, new Set(first)))
const screens = all.filter((n) => n.endsWith('.js')).map((name) => ({ name, js: load(name) })).sort((a, b) => b.js - a.js)
const entry = Math.max(load('assets/home.js'), load('assets/run.js'))
const css = size(all.filter((n) => n.endsWith('.css')))
console.log(`JavaScript, gzip: ${size(first).toFixed(1)} kB for all, ${load('assets/home.js').toFixed(1)} with Home, ${load('assets/run.js').toFixed(1)} with a run, ${screens[0].js.toFixed(1)} at most (${screens[0].name}); style ${css.toFixed(1)}`)
if (entry > budget.first || screens[0].js > budget.any || css > budget.css) {
  console.error(`that is more than its budget: ${JSON.stringify(budget)}`)
  process.exit(1)
}
cpSync(built, dist, { recursive: true })
const kept = new Set(all)
for (const name of files(dist)) if (!kept.has(name)) rmSync(join(dist, name))
if (!statSync(join(dist, 'index.html')).isFile()) process.exit(1)
rmSync(built, { recursive: true })
