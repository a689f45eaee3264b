import { useMemo } from 'react'
import { useLocation } from 'wouter'
import { linkTo, type Schemas } from '../../api/client'
import { useList, useMay } from '../../api/queries'
import { count, money, monthDay, share } from '../../format'
import { Choice } from '../../parts/form'
import { Menu } from '../../parts/menu'
import { Empty, Failure, Loading, Notice } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { useUrlChoice } from '../../url'
import { Calls } from './downloads'
import { perspectives } from './figures'

type Event = Schemas['EventLoss']

function landfall(e: Event): string | undefined {
  const all = e.landfalls as Schemas['Landfall'][] | undefined
  if (all === undefined) return e.category === 0 ? 'none as a hurricane' : undefined
  return all.length === 0 ? 'none as a hurricane' : all.map((l) => l.county ?? l.region).join(', ')
}

/** The storms with a loss, largest first, read a thousand at a time as they are scrolled to. */
export default function Events({ run, summary }: { run: Schemas['Run']; summary: number }) {
  const [perspective, setPerspective] = useUrlChoice('persp', perspectives)
  const [, navigate] = useLocation()
  const may = useMay()
  const tail = run.spec.years >= 250 ? 250 : 0
  const list = useList('/api/v1/runs/{id}/events', { path: { id: run.id }, query: { summary, perspective, limit: 1000, ...(tail ? { tvar: String(tail) } : {}) } })
  const columns = useMemo((): Column<Event>[] => [
    { id: 'event', header: 'Storm', number: true, value: (e) => e.event, cell: (e) => String(e.event) },
    { id: 'year', header: 'Simulated year', number: true, value: (e) => e.year, cell: (e) => count(e.year) },
    { id: 'day', header: 'Day', number: true, value: (e) => monthDay(e.month, e.day) },
    { id: 'category', header: 'Category', number: true, value: (e) => e.category, cell: (e) => (e.category ? String(e.category) : '—') },
    { id: 'landfall', header: 'Landfall', value: (e) => landfall(e) },
    { id: 'gross', header: 'Gross (USD)', number: true, value: (e) => e.gross?.mean, cell: (e) => money(e.gross?.mean) },
    { id: 'grosssd', header: 'Gross SD (USD)', number: true, hidden: true, value: (e) => e.gross?.sd, cell: (e) => money(e.gross?.sd) },
    { id: 'grossmost', header: 'Gross, largest draw (USD)', number: true, hidden: true, value: (e) => e.gross?.largest, cell: (e) => money(e.gross?.largest) },
    { id: 'groundup', header: 'Ground-up (USD)', number: true, value: (e) => e.ground_up.mean, cell: (e) => money(e.ground_up.mean) },
    { id: 'groundupsd', header: 'Ground-up SD (USD)', number: true, hidden: true, value: (e) => e.ground_up.sd, cell: (e) => money(e.ground_up.sd) },
    { id: 'groundupmost', header: 'Ground-up, largest draw (USD)', number: true, hidden: true, value: (e) => e.ground_up.largest, cell: (e) => money(e.ground_up.largest) },
    ...(tail ? [{ id: 'share', header: `Share of TVaR 1 in ${tail}`, number: true, value: (e: Event) => e.share_of_tvar, cell: (e: Event) => (e.share_of_tvar === undefined ? '—' : share(e.share_of_tvar, 2)) }] : []),
    { id: 'tiv', header: 'Insured value in its wind (USD)', number: true, value: (e) => e.footprint_tiv, cell: (e) => money(e.footprint_tiv) },
  ], [tail])
  if (list.error) return <Failure error={list.error} retry={list.refetch} />
  if (list.isLoading) return <Loading rows={16} what="Reading the storms" />
  const total = list.first?.total ?? 0
  const noneGross = perspective === 'gross' && list.items[0]?.gross === undefined // the largest comes first
  if (total === 0) return <Empty title="No storm has a loss"><p>None of the storms in {count(run.spec.years)} simulated years damages this.</p></Empty>
  const open = (e: Event) => {
    const query = new URLSearchParams(window.location.search)
    query.set('tab', 'map')
    query.set('event', String(e.event))
    query.delete('fill')
    navigate(`${window.location.pathname}?${query}`)
  }
  const storms = `${count(total)} ${total === 1 ? 'storm' : 'storms'}`
  const title = noneGross ? `${storms} with a ground-up loss, none with a gross loss` : `${storms} with a loss, largest first`
  const table = perspective === 'gross' ? 'gr_melt' : 'gu_melt'
  const as = (format: 'csv' | 'parquet') => linkTo('/api/v1/runs/{id}/tables/{name}/export', { path: { id: run.id, name: table }, query: { format } })
  return (
    <section className="section">
      {list.first?.unknown ? <Notice tone="warn">Category and landfall are not known: {list.first.unknown}</Notice> : null}
      <Table caption="Storms" title={title} columns={columns} rows={list.items} rowKey={(e) => String(e.event)} fixedOrder filter keys height={560} tall total={total} more={list.isFetching ? undefined : list.more} onOpen={open}
        tools={<><Choice legend="Perspective" value={perspective} choices={[['gross', 'Gross'], ['ground_up', 'Ground-up']]} onChange={setPerspective} />{may('run.export') ? <Menu label="Download"><a href={as('csv')} download>CSV, {table}</a><a href={as('parquet')} download>Parquet, {table}</a><a href={linkTo('/api/v1/runs/{id}/events', { path: { id: run.id }, query: { summary, perspective, limit: 1000 } })}>JSON, the first thousand</a></Menu> : null}</>} />
      <p className="hint">Click a row to see its storm on the map: track, peak gusts and losses by county. The appliance computes the storm again and gets exactly the figures of the run.</p>
      <Calls path={linkTo('/api/v1/runs/{id}/events', { path: { id: run.id }, query: { summary, perspective } })} command={`qrsd runs events ${run.id}`} />
    </section>
  )
}
