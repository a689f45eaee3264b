import type { GeoProjection } from 'd3-geo'
import { useMemo, useState, type ReactNode } from 'react'
import type { Schemas } from '../../api/client'
import { useGet } from '../../api/queries'
import { classOf, halfDecades } from '../../charts/scales'
import { count, money, monthDay, tick } from '../../format'
import { countyNames, FloridaMap, MapLegend, type MapClass } from '../../map/florida'
import { Footprint, gustClasses, Sites, Track } from '../../map/layers'
import { Choice } from '../../parts/form'
import { Failure, Notice, Ready } from '../../parts/states'
import { Facts } from '../../parts/state'
import { Table, type Column } from '../../parts/table'
import { useUrlChoice, useUrlState } from '../../url'
import { perspectives } from './figures'

type Run = Schemas['Run']
interface County { fips: string; name: string; aal: number | undefined; tiv: number; storm: number | undefined }

/** Where the losses are: by county, with the insured sites, and of a chosen storm its way, wind and losses. */
export default function LossMap({ run }: { run: Run }) {
  const metrics = useGet('/api/v1/runs/{id}/metrics', { path: { id: run.id }, query: { limit: 1000 } }, { staleTime: Infinity })
  return <Ready of={metrics} rows={14}>{(m) => <Shown run={run} metrics={m.items as Schemas['SummaryMetrics'][]} />}</Ready>
}

function Shown({ run, metrics }: { run: Run; metrics: Schemas['SummaryMetrics'][] }) {
  const [perspective, setPerspective] = useUrlChoice('persp', perspectives)
  const [event, setEvent] = useUrlState('event')
  const [fill, setFill] = useUrlState('fill', event ? 'wind' : 'aal')
  const [chosen, choose] = useUrlState('county')
  const [withSites, setWithSites] = useUrlChoice('sites', ['on', 'off'])
  const [pointed, point] = useState<string>()
  const storm = useStorm(run, event)
  const rows = useMemo(() => {
    const losses = new Map((storm.losses?.items as Schemas['StormPartLoss'][] | undefined)?.filter((i) => i.summary.level === 'county').map((i) => [i.summary.key, i[perspective]?.mean]))
    return metrics.filter((m) => m.summary.level === 'county').map((m): County => ({ fips: m.summary.key, name: countyNames.get(m.summary.key) ?? m.summary.name, aal: m[perspective].aal, tiv: m.summary.tiv, storm: losses.get(m.summary.key) }))
  }, [metrics, perspective, storm.losses])
  const value = (c: County) => (fill === 'tiv' ? c.tiv : fill === 'storm' ? c.storm : fill === 'aal' ? c.aal : undefined)
  const breaks = halfDecades(rows.flatMap((c) => value(c) ?? []))
  const classes = new Map(rows.flatMap((c) => { const v = value(c); return v === undefined || v <= 0 ? [] : [[c.fips, `loss-${classOf(v, breaks) + 1}`] as const] }))
  const names = { aal: 'AAL by county', tiv: 'Insured value by county', storm: `Loss in storm ${event} by county`, wind: 'Peak 3-second gust (mph), open terrain' }
  const here = rows.find((c) => c.fips === (pointed ?? chosen))
  const fills: [string, string][] = [['aal', 'AAL'], ['tiv', 'Insured value'], ...(event ? [['wind', 'Wind'], ['storm', 'Storm loss']] as [string, string][] : [])]
  return (
    <>
      <div className="controls">
        <Choice legend="What the map shows" value={fill} choices={fills} onChange={setFill} />
        <Choice legend="Perspective" value={perspective} choices={[['gross', 'Gross'], ['ground_up', 'Ground-up']]} onChange={setPerspective} />
        <Choice legend="Sites" value={withSites} choices={[['on', 'Sites'], ['off', 'No sites']]} onChange={setWithSites} />
        {event ? <button type="button" onClick={() => { setEvent(''); setFill('') }}>Leave storm {event}</button> : <span className="muted">Choose a storm in Events to see it here.</span>}
      </div>
      <div className="split">
        <section className="section">
          <h2 className="unseen">Map</h2>
          <FloridaMap label={names[fill as keyof typeof names] ?? 'Florida'} classOf={(fips) => `${classes.get(fips) ?? 'none'} opens`} chosen={pointed ?? chosen} onChoose={(fips) => choose(fips === chosen ? '' : fips)} title={(fips) => countyNames.get(fips) ?? fips}
            legend={fill === 'wind' ? <MapLegend title={names.wind} classes={gustClasses} /> : <MapLegend title={names[fill as keyof typeof names] ?? ''} classes={lossClasses(breaks)} />}
            under={(project) => (fill === 'wind' && storm.footprint ? <Footprint of={storm.footprint} project={project} /> : null)}>
            {(project: GeoProjection): ReactNode => (
              <>
                {withSites === 'on' ? <RunSites portfolio={run.portfolio} version={run.portfolio_version} project={project} /> : null}
                {storm.track ? <Track of={storm.track} project={project} /> : null}
              </>
            )}
          </FloridaMap>
          <p className="readout" aria-live="polite">{here ? <><strong>{here.name} County</strong> · AAL <strong>{money(here.aal)}</strong> · insured value {money(here.tiv)}{here.storm !== undefined ? <> · storm {event} <strong>{money(here.storm)}</strong></> : null}</> : <span className="muted">Point at a county or a row, or walk the map with the arrow keys.</span>}</p>
        </section>
        <section className="section">
          {event ? <StormFacts storm={storm} event={event} /> : null}
          <CountyTable rows={rows} storm={event} chosen={chosen} onPoint={point} onChoose={(fips) => choose(fips === chosen ? '' : fips)} />
        </section>
      </div>
    </>
  )
}

export function lossClasses(breaks: readonly number[]): MapClass[] {
  const all = breaks.map((b, i) => ({ className: `loss-${i + 2}`, label: i + 1 < breaks.length ? `${tick(b)} – ${tick(breaks[i + 1]!)}` : `${tick(b)} and more` }))
  return breaks.length > 0 ? [...all.reverse(), { className: 'loss-1', label: `below ${tick(breaks[0]!)}` }, { className: 'none', label: 'none' }] : [{ className: 'none', label: 'none' }]
}

function CountyTable({ rows, storm, chosen, onPoint, onChoose }: { rows: County[]; storm: string; chosen: string; onPoint: (fips: string | undefined) => void; onChoose: (fips: string) => void }) {
  const columns = useMemo((): Column<County>[] => [
    { id: 'name', header: 'County', value: (c) => c.name },
    ...(storm ? [{ id: 'storm', header: `Storm ${storm} (USD)`, number: true, value: (c: County) => c.storm, cell: (c: County) => money(c.storm) }] : []),
    { id: 'aal', header: 'AAL (USD)', number: true, value: (c) => c.aal, cell: (c) => money(c.aal) },
    { id: 'tiv', header: 'Insured value (USD)', number: true, value: (c) => c.tiv, cell: (c) => money(c.tiv) },
  ], [storm])
  return <Table key={storm} caption="Losses by county" title="Counties" columns={columns} rows={rows} rowKey={(c) => c.fips} sort={{ id: storm ? 'storm' : 'aal', desc: true }} filter keys height={560} tall chosen={chosen} onPoint={(c) => onPoint(c?.fips)} onOpen={(c) => onChoose(c.fips)} />
}

function RunSites({ portfolio, version, project }: { portfolio: string; version: number; project: GeoProjection }) {
  const kept = useGet('/api/v1/portfolios/{id}', { path: { id: portfolio }, query: { version } }).data
  const has = (kept?.files as Schemas['PortfolioFile'][] | undefined)?.some((f) => f.role === 'sites') ?? false
  const sites = useGet('/api/v1/portfolios/{id}/sites', { path: { id: portfolio }, query: { version } }, { enabled: has, staleTime: Infinity }).data
  return sites ? <Sites of={sites} project={project} /> : null
}

interface Storm { track?: Schemas['StormTrack'] | undefined; footprint?: Schemas['StormFootprint'] | undefined; losses?: Schemas['StormLosses'] | undefined; error: unknown; loading: boolean }

/** A storm of the run: computed again by the appliance, so it takes a moment. */
function useStorm(run: Run, event: string): Storm {
  const at = { path: { id: run.id, event } } as const
  const extra = { enabled: /^\d+$/.test(event), staleTime: Infinity, retry: false } as const
  const track = useGet('/api/v1/runs/{id}/events/{event}/track', at, extra)
  const footprint = useGet('/api/v1/runs/{id}/events/{event}/footprint', at, extra)
  const losses = useGet('/api/v1/runs/{id}/events/{event}/losses', at, extra)
  return { track: track.data, footprint: footprint.data, losses: losses.data, error: track.error ?? footprint.error ?? losses.error, loading: track.isLoading || footprint.isLoading || losses.isLoading }
}

function StormFacts({ storm, event }: { storm: Storm; event: string }) {
  if (storm.error) return <Failure error={storm.error} />
  const { track } = storm
  const whole = (storm.losses?.items as Schemas['StormPartLoss'][] | undefined)?.find((i) => i.summary.level === 'portfolio')
  if (!track) return <Notice>The appliance computes storm {event} again. This takes a moment.</Notice>
  const landfalls = track.landfalls as Schemas['Landfall'][]
  return (
    <div className="panel">
      <h2>Storm {track.event}{track.name ? `, ${track.name}` : ''}</h2>
      <Facts of={[
        ['When', `simulated year ${count(track.year)}, ${monthDay(track.month, track.day)}`],
        ['Landfall', landfalls.length === 0 ? 'none in Florida as a hurricane' : landfalls.map((l) => `${l.county ?? l.region}, category ${l.category}, ${l.wind_mph.toFixed(0)} mph, ${l.pressure_hpa.toFixed(0)} hPa`).join('; ')],
        ['Ground-up loss', whole ? `${money(whole.ground_up.mean)}${whole.ground_up.sd === undefined ? '' : `, SD ${money(whole.ground_up.sd)}`}` : '—'],
        ['Gross loss', money(whole?.gross?.mean)],
        ['Insured value in its wind', money(whole?.footprint_tiv)],
        ['Area with gusts', storm.footprint ? `${count(storm.footprint.cells.length)} cells of ${storm.footprint.cell_degrees}° with gusts of ${storm.footprint.threshold_mph.toFixed(0)} mph and more` : '—'],
      ]} />
    </div>
  )
}
