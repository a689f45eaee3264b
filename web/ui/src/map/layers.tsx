// What lies on the map: sites, the way of a storm, its wind.
import type { GeoProjection } from 'd3-geo'
import { useMemo } from 'react'
import type { Schemas } from '../api/client'
import type { MapClass } from './florida'

const usualScale = 4600 // of the projection where a map is about 660 px wide: dots grow and shrink with it

/** Insured sites as dots, their area by insured value. */
export function Sites({ of, project }: { of: Schemas['PortfolioSites']; project: GeoProjection }) {
  const sites = of.sites as Schemas['Site'][]
  const paths = useMemo(() => {
    const most = Math.max(1, ...sites.map((s) => s.tiv))
    const largest = 6.5 * Math.min(1.8, project.scale() / usualScale)
    // One path for each size: thousands of elements would make the map slow.
    const bySize = new Map<number, string>()
    for (const s of sites) {
      const at = project([s.longitude, s.latitude])
      if (!at) continue
      const r = Math.max(largest / 9, Math.round(Math.sqrt(s.tiv / most) * largest * 2) / 2)
      bySize.set(r, `${bySize.get(r) ?? ''}M${(at[0] - r).toFixed(1)} ${at[1].toFixed(1)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`)
    }
    return [...bySize].sort((a, b) => a[0] - b[0])
  }, [sites, project])
  return <g>{paths.map(([r, d]) => <path key={r} className="site" d={d} />)}</g>
}

/** The way of a storm: a circle with its category where that changes and every twelfth hour; S below hurricane strength. */
export function Track({ of, project }: { of: Schemas['StormTrack']; project: GeoProjection }) {
  const points = of.points as Schemas['TrackPoint'][]
  const shown = points.map((p) => ({ p, at: project([p.lon, p.lat]) })).filter((x): x is { p: Schemas['TrackPoint']; at: [number, number] } => x.at !== null)
  const line = `M${shown.map(({ at }) => at.map((v) => v.toFixed(1)).join(' ')).join('L')}`
  const fixes: typeof shown = []
  for (const x of shown) {
    const last = fixes.at(-1)
    const far = !last || Math.hypot(x.at[0] - last.at[0], x.at[1] - last.at[1]) > 26
    if (far && (!last || last.p.category !== x.p.category || x.p.hour - last.p.hour >= 12)) fixes.push(x)
  }
  return (
    <g>
      <path className="track-casing" d={line} /><path className="track" d={line} />
      {fixes.map(({ p, at }) => (
        <g key={p.hour} className="fix" transform={`translate(${at[0]},${at[1]})`}>
          <title>{`${p.wind_mph.toFixed(0)} mph, ${p.pressure_hpa.toFixed(0)} hPa, hour ${p.hour.toFixed(0)}`}</title>
          <circle r="8" /><text textAnchor="middle" dy="3.5">{p.category === 0 ? 'S' : p.category}</text>
        </g>
      ))}
    </g>
  )
}

const gusts = [50, 75, 100, 125, 150, 175] // mph, the least of each class
export const gustClasses: readonly MapClass[] = gusts.map((g, i) => ({ className: `gust-${i + 1}`, label: i + 1 < gusts.length ? `${g} – ${gusts[i + 1]}` : `${g} and more` })).reverse()

/** Peak gusts, cell by cell of the run's own grid. */
export function Footprint({ of, project }: { of: Schemas['StormFootprint']; project: GeoProjection }) {
  const paths = useMemo(() => {
    const half = of.cell_degrees / 2
    const d = gusts.map(() => [] as string[])
    for (const c of of.cells as Schemas['GustCell'][]) {
      let k = 0
      while (k + 1 < gusts.length && c.gust_mph >= gusts[k + 1]!) k++
      const corners = [[-half, half], [half, half], [half, -half], [-half, -half]].map(([x, y]) => project([c.lon + x!, c.lat + y!]))
      if (corners.every((p) => p !== null)) d[k]!.push(`M${corners.map((p) => `${p[0].toFixed(1)} ${p[1].toFixed(1)}`).join('L')}Z`)
    }
    return d.map((parts) => parts.join(''))
  }, [of, project])
  return <g className="footprint">{paths.map((d, i) => (d ? <path key={i} className={`gust-${i + 1}`} d={d} /> : null))}</g>
}
