// Writes src/map/florida.json: the counties of Florida and its neighbour states out of us-atlas (Census cartographic boundaries), with the arcs that they need.
import { readFileSync, writeFileSync } from 'node:fs'

const whole = JSON.parse(readFileSync(new URL('../node_modules/us-atlas/counties-10m.json', import.meta.url), 'utf8'))
const neighbours = new Set(['01', '13'])
const counties = whole.objects.counties.geometries.filter((g) => g.id.startsWith('12'))
const states = whole.objects.states.geometries.filter((g) => neighbours.has(g.id))

const places = new Map() // old arc -> new
const arcs = []
function kept(i) {
  const old = i < 0 ? ~i : i
  if (!places.has(old)) {
    places.set(old, arcs.length)
    arcs.push(whole.arcs[old])
  }
  const at = places.get(old)
  return i < 0 ? ~at : at
}
const walk = (a) => (typeof a === 'number' ? kept(a) : a.map(walk))
const pruned = (g) => ({ type: g.type, id: g.id, properties: g.properties, arcs: walk(g.arcs) })
const out = {
  type: 'Topology', transform: whole.transform,
  objects: { counties: { type: 'GeometryCollection', geometries: counties.map(pruned) }, neighbours: { type: 'GeometryCollection', geometries: states.map(pruned) } },
  arcs,
}
if (counties.length !== 67) throw new Error(`there are ${counties.length} counties; Florida has 67`)
writeFileSync(new URL('../src/map/florida.json', import.meta.url), JSON.stringify(out) + '\n')
