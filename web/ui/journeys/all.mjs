// node journeys/all.mjs [NAME...] with QRSD=path of the program (bin/qrsd otherwise). Each file NAME.journey.mjs exports its name and its run.
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runAll } from './harness.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const wanted = process.argv.slice(2)
const files = readdirSync(here).filter((f) => f.endsWith('.journey.mjs') && (wanted.length === 0 || wanted.some((w) => f.startsWith(w)))).sort()
await runAll(await Promise.all(files.map((f) => import(`./${f}`))))
