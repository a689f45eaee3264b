import { geoConicConformal, geoGraticule, geoPath, type GeoProjection } from 'd3-geo'
import type { Feature, FeatureCollection, MultiPolygon, Polygon } from 'geojson'
import { useMemo, type KeyboardEvent, type ReactNode } from 'react'
import { feature, mesh } from 'topojson-client'
import type { GeometryCollection, Topology } from 'topojson-specification'
import { useWidth } from '../charts/size'
import topology from './florida.json'
import './map.css'

// Boundaries of counties: Census cartographic boundary files, by way of us-atlas (scripts/map.mjs).
const atlas = topology as unknown as Topology<{ counties: GeometryCollection<{ name: string }>; neighbours: GeometryCollection<{ name: string }> }>
export const counties = feature(atlas, atlas.objects.counties) as FeatureCollection<Polygon | MultiPolygon, { name: string }>
const neighbours = feature(atlas, atlas.objects.neighbours)
const borders = mesh(atlas, atlas.objects.counties, (a, b) => a !== b)
const coast = mesh(atlas, atlas.objects.counties, (a, b) => a === b)
const graticule = geoGraticule().extent([[-90, 23], [-76, 33]]).step([2, 2])()

export const countyNames: ReadonlyMap<string, string> = new Map(counties.features.map((f) => [String(f.id), f.properties.name]))

export interface MapClass { label: string; className: string }

/**
 * Florida by county. `classOf` gives the class of each county's fill; what `children` draw lies above, in the projection.
 * Counties are reached by Tab as one stop, and walked by arrows in the order of their names.
 */
export function FloridaMap({ label, classOf, chosen, onChoose, title, legend, under, children }: {
  label: string; classOf: (fips: string) => string | undefined; chosen?: string; onChoose?: (fips: string) => void; title?: (fips: string) => string; legend?: ReactNode
  under?: (project: GeoProjection) => ReactNode // drawn below the borders of counties
  children?: (project: GeoProjection, width: number, height: number) => ReactNode
}) {
  const [ref, width] = useWidth()
  const height = Math.round(Math.min(width * 0.86, Math.max(560, window.innerHeight * 0.62)))
  const { projection, drawn } = useMemo(() => {
    const projection = geoConicConformal().rotate([84, 0]).parallels([26, 30.5]).fitExtent([[10, 10], [width - 10, height - 10]], counties)
    const path = geoPath(projection)
    return { projection, drawn: { counties: counties.features.map((f) => ({ f, d: path(f as Feature) ?? '' })), neighbours: path(neighbours) ?? '', borders: path(borders) ?? '', coast: path(coast) ?? '', graticule: path(graticule) ?? '' } }
  }, [width, height])
  const byName = useMemo(() => [...countyNames].sort((a, b) => a[1].localeCompare(b[1])).map(([fips]) => fips), [])
  const key = (e: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key]
    if (by === undefined || !onChoose) return
    e.preventDefault()
    const at = chosen ? byName.indexOf(chosen) : by > 0 ? -1 : 0
    onChoose(byName[(at + by + byName.length) % byName.length]!)
  }
  return (
    <div className="map" ref={ref}>
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="application" aria-roledescription="map" aria-label={`${label}.${onChoose ? ' Arrow keys go through the counties.' : ''}`} tabIndex={0} onKeyDown={key}>
        <path className="graticule" d={drawn.graticule} />
        <path className="neighbours" d={drawn.neighbours} />
        {drawn.counties.map(({ f, d }) => {
          const fips = String(f.id)
          return <path key={fips} className={`county ${classOf(fips) ?? 'none'}`} d={d} onClick={onChoose ? () => onChoose(fips) : undefined}>{title ? <title>{title(fips)}</title> : null}</path>
        })}
        {under?.(projection)}
        <path className="borders" d={drawn.borders} /><path className="coast" d={drawn.coast} />
        {chosen ? drawn.counties.filter(({ f }) => String(f.id) === chosen).map(({ d }) => <g key="chosen"><path className="casing" d={d} /><path className="outline" d={d} /></g>) : null}
        {children?.(projection, width, height)}
      </svg>
      {legend}
    </div>
  )
}

/** Classes of a map from the highest down, in words. */
export function MapLegend({ title, classes }: { title: string; classes: readonly MapClass[] }) {
  return (
    <div className="map-legend">
      <p>{title}</p>
      <ul>{classes.map((c) => <li key={c.label}><svg viewBox="0 0 22 14" aria-hidden="true"><rect className={c.className} width="22" height="14" /></svg>{c.label}</li>)}</ul>
    </div>
  )
}
