// The licenses of what is in the built files: every package that the terminal depends on at run time, the fonts and the boundaries.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const own = JSON.parse(readFileSync('package.json', 'utf8'))
const copied = ['@fontsource-variable/ibm-plex-sans', '@fontsource/ibm-plex-mono', 'us-atlas']

const publicDomain = new Set(['Unlicense', 'CC0-1.0', '0BSD'])

function find(name, from) {
  for (let at = from; ; at = join(at, '..', '..')) {
    const there = join(at, 'node_modules', name)
    if (existsSync(join(there, 'package.json'))) return there
    if (at === '.' || at === '' || at === '..') throw new Error(`${name} is not installed`)
  }
}

/** All licenses as one text, in the order of the packages' names. */
export function licenses() {
  const all = new Map()
  const visit = (name) => {
    const at = find(name, '.')
    const p = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8'))
    const key = `${p.name} ${p.version}`
    if (all.has(key)) return
    const file = readdirSync(at).find((f) => /^(licen[cs]e|copying)/i.test(f))
    if (!file && !publicDomain.has(p.license)) throw new Error(`${key} comes without its license`)
    all.set(key, `${key}: ${typeof p.license === 'string' ? p.license : 'see below'}\n\n${file ? readFileSync(join(at, file), 'utf8').trim() : 'Given to the public domain by its authors; the package has no text of it.'}`)
    for (const next of Object.keys(copied.includes(name) ? {} : p.dependencies ?? {})) if (!next.startsWith('@types/')) visit(next)
  }
  for (const name of [...Object.keys(own.dependencies), ...copied]) visit(name)
  return `What the terminal is made with, and its licenses.\n\n${[...all].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([, text]) => text).join(`\n\n${'-'.repeat(80)}\n`)}\n`
}
