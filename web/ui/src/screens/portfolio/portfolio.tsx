import type { GeoProjection } from 'd3-geo'
import { useMemo, useState } from 'react'
import { Link, useLocation, useParams } from 'wouter'
import { api, ApiError, linkTo, type Schemas } from '../../api/client'
import { useGet, useList, useMay, useRead, useRefresh } from '../../api/queries'
import { classOf, halfDecades } from '../../charts/scales'
import { bytes, count, money, share, short, tick } from '../../format'
import { countyNames, FloridaMap, MapLegend, type MapClass } from '../../map/florida'
import { Sites } from '../../map/layers'
import { Dialog } from '../../parts/dialog'
import { Form, TextArea } from '../../parts/form'
import { Head } from '../../parts/frame'
import { actorName, runName, usePeople } from '../../parts/names'
import { ApprovalTag, RunTag, Tag, Time } from '../../parts/state'
import { CopyText, Empty, Notice, Ready } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { toast } from '../../parts/toast'
import { newRunAt, useUrlState } from '../../url'
import { Faults } from '../portfolios/faults'
import { Upload } from '../portfolios/upload'
import '../portfolios/portfolios.css'
import { useApproval } from '../run/approval'
import { Earlier, Versions } from './versions'

type Portfolio = Schemas['Portfolio']
type Share = Schemas['ExposureShare']

export default function PortfolioScreen() {
  const { id } = useParams<{ id: string }>()
  const [asked] = useUrlState('version')
  const version = /^[1-9]\d*$/.test(asked) ? Number(asked) : undefined
  const read = useRead('/api/v1/portfolios/{id}', { path: { id }, ...(version ? { query: { version } } : {}) })
  if (!read.data) return <div className="screen"><Head title="Portfolio" /><Ready of={read} rows={12}>{() => null}</Ready></div>
  return <Shown portfolio={read.data.data as Portfolio} etag={read.data.etag} named={version !== undefined} />
}

/** A portfolio, in the version that the address names or in its latest: only that one is asked approval of, and only it gets a next one. */
function Shown({ portfolio: p, etag, named }: { portfolio: Portfolio; etag: string | undefined; named: boolean }) {
  const people = usePeople()
  const may = useMay()
  const summary = useGet('/api/v1/portfolios/{id}/summary', { path: { id: p.id }, query: { version: p.version } }, { staleTime: Infinity })
  const now = useGet('/api/v1/portfolios/{id}', { path: { id: p.id } }, { enabled: named }).data
  // Until the latest is read, a version that the address names may be an earlier one: it has none of the latest one's controls.
  const earlier = named && now?.version !== p.version
  return (
    <div className="screen">
      <Head title={p.name} about={<><CopyText text={p.id} /> · version {count(p.version)} · imported <Time at={p.imported} /> by {actorName(p.by, people)} · digest <CopyText text={p.digest} show={p.digest.slice(0, 12)} /></>}
        actions={<>{may('approval.request') && !earlier ? <AskApproval portfolio={p} /> : null}{may('portfolio.import') && !earlier ? <Replace portfolio={p} etag={etag} /> : null}{may('portfolio.delete') && !earlier ? <Delete portfolio={p} etag={etag} /> : null}{may('run.submit') ? <Link className="button primary" href={newRunAt(p.id, earlier ? p.version : undefined)}>{earlier ? `New run of version ${count(p.version)}` : 'New run'}</Link> : null}</>} />
      {earlier && now ? <Earlier id={p.id} shown={p.version} /> : null}
      <Ready of={summary}>{(s) => (
        <>
          <div className="tiles">
            <div className="tile"><div className="name">Insured value</div><div className="value" title={money(s.tiv)}>{short(s.tiv)}</div><div className="note">{s.currency}</div></div>
            <div className="tile"><div className="name">Locations</div><div className="value">{count(s.locations)}</div><div className="note">{count(s.accounts)} accounts, {count(s.policies)} policies</div></div>
            <div className="tile"><div className="name">Not covered for wind</div><div className="value">{count(s.not_wind)}</div><div className="note">no loss is computed for them</div></div>
            <div className="tile"><div className="name">Warnings</div><div className="value">{count(s.warnings)}</div><div className="note">{s.warnings === 0 ? 'none at the import' : 'listed below'}</div></div>
            <Geocoded portfolio={p} />
          </div>
          <Where portfolio={p} counties={s.counties as Share[]} />
          <div className="shares">
            <Shares title="Construction (OED)" of={s.construction as Share[]} total={s.tiv} />
            <Shares title="Occupancy (OED)" of={s.occupancy as Share[]} total={s.tiv} />
            <Shares title="Year built" of={byAge(s.eras as Share[])} total={s.tiv} name={era} />
            <Shares title="Line of business" of={s.lines as Share[]} total={s.tiv} />
            <Shares title="Coverage" of={s.coverages as Share[]} total={s.tiv} name={(key) => coverages[key] ?? key} />
            <Files portfolio={p} />
          </div>
        </>
      )}</Ready>
      <Warnings portfolio={p} />
      <Versions id={p.id} shown={p.version} />
      <Runs portfolio={p} version={earlier ? p.version : undefined} />
    </div>
  )
}

// The report of the import: portfolios that were imported without one have none.
function useReport(p: Portfolio) {
  const has = (p.files as Schemas['PortfolioFile'][]).some((f) => f.role === 'report')
  return useGet('/api/v1/portfolios/{id}/files/{role}', { path: { id: p.id, role: 'report' }, query: { version: p.version } }, { enabled: has, staleTime: Infinity }).data as unknown as Schemas['ExposureReport'] | undefined
}

function Geocoded({ portfolio }: { portfolio: Portfolio }) {
  const g = useReport(portfolio)?.geocoded
  if (!g) return <div className="tile"><div className="name">Coordinates</div><div className="value">—</div><div className="note">not kept at this import</div></div>
  const all = g.given + g.zip + g.county
  return <div className="tile"><div className="name">Coordinates given</div><div className="value">{share(all ? g.given / all : undefined)}</div><div className="note">{count(g.zip)} placed by ZIP code, {count(g.county)} by county</div></div>
}

/** Where the value lies: counties by their insured value, and the sites. */
function Where({ portfolio, counties }: { portfolio: Portfolio; counties: Share[] }) {
  const [chosen, choose] = useUrlState('county')
  const [pointed, point] = useState<string>()
  const has = (portfolio.files as Schemas['PortfolioFile'][]).some((f) => f.role === 'sites')
  const sites = useGet('/api/v1/portfolios/{id}/sites', { path: { id: portfolio.id }, query: { version: portfolio.version } }, { enabled: has, staleTime: Infinity }).data
  const breaks = halfDecades(counties.map((c) => c.tiv))
  const classes = new Map(counties.map((c) => [c.key, `loss-${classOf(c.tiv, breaks) + 1}`]))
  const here = counties.find((c) => c.key === (pointed ?? chosen))
  const columns = useMemo((): Column<Share>[] => [
    { id: 'name', header: 'County', value: (c) => countyNames.get(c.key) ?? c.key },
    { id: 'locations', header: 'Locations', number: true, value: (c) => c.locations, cell: (c) => count(c.locations) },
    { id: 'tiv', header: 'Insured value (USD)', number: true, value: (c) => c.tiv, cell: (c) => money(c.tiv) },
    { id: 'share', header: 'Share', number: true, value: (c) => c.tiv / portfolio.tiv, cell: (c) => share(c.tiv / portfolio.tiv) },
  ], [portfolio.tiv])
  if (counties.length === 0) return <Notice>This portfolio was imported without a summary: there is no breakdown of it.</Notice>
  const legend: MapClass[] = [...breaks.map((b, i) => ({ className: `loss-${i + 2}`, label: i + 1 < breaks.length ? `${tick(b)} – ${tick(breaks[i + 1]!)}` : `${tick(b)} and more` })).reverse(), { className: 'loss-1', label: `below ${tick(breaks[0] ?? 0)}` }, { className: 'none', label: 'none' }]
  return (
    <div className="split">
      <section className="section"><div className="section-head"><h2>Map</h2></div>
        <FloridaMap label="Insured value by county" classOf={(fips) => classes.get(fips)} chosen={pointed ?? chosen} onChoose={(fips) => choose(fips === chosen ? '' : fips)} title={(fips) => countyNames.get(fips) ?? fips} legend={<MapLegend title="Insured value by county" classes={legend} />}>
          {(project: GeoProjection) => (sites ? <Sites of={sites} project={project} /> : null)}
        </FloridaMap>
        <p className="readout" aria-live="polite">{here ? <><strong>{countyNames.get(here.key) ?? here.key} County</strong> · {count(here.locations)} locations · insured value <strong>{money(here.tiv)}</strong></> : <span className="muted">{sites ? `${count(sites.sites.length)} points for ${count(sites.locations)} locations` : 'Its sites were not kept at the import.'}</span>}</p>
      </section>
      <section className="section">
        <Table caption="Insured value by county" title="Counties" columns={columns} rows={counties} rowKey={(c) => c.key} sort={{ id: 'tiv', desc: true }} filter keys height={560} tall chosen={chosen} onPoint={(c) => point(c?.key)} onOpen={(c) => choose(c.key === chosen ? '' : c.key)} />
      </section>
    </div>
  )
}

const coverages: Record<string, string> = { building: 'Building', other: 'Other structures', contents: 'Contents', interruption: 'Business interruption' }

// Eras of the building codes: pre-1976, 1976-1994 ..., 2012+, unknown. From the oldest on, and in words.
function byAge(eras: Share[]): Share[] {
  const from = (key: string) => (key.startsWith('pre-') ? 0 : Number.parseInt(key) || 9999)
  return [...eras].sort((a, b) => from(a.key) - from(b.key))
}

function era(key: string): string {
  return key.replace(/^pre-/, 'before ').replace(/\+$/, ' and later').replace(/^(\d{4})-(\d{4})$/, '$1 – $2')
}

/** What part of all a value is; of a portfolio without insured value there is none. */
function partOf(tiv: number, total: number): number | undefined {
  return total > 0 ? tiv / total : undefined
}

/** A part of the summary: what falls under each key, by its name where it has one. */
function Shares({ title, of, total, name }: { title: string; of: Share[]; total: number; name?: (key: string) => string }) {
  const columns = useMemo((): Column<Share>[] => [
    { id: 'key', header: title, wide: true, value: (s) => (s.name ? `${s.key} ${s.name}` : name?.(s.key) ?? s.key), cell: (s) => (s.name ? <span className="coded"><span>{s.key}</span>{s.name}</span> : name?.(s.key) ?? s.key) },
    { id: 'locations', header: 'Locations', number: true, value: (s) => s.locations, cell: (s) => count(s.locations) },
    { id: 'tiv', header: 'Insured value (USD)', number: true, value: (s) => s.tiv, cell: (s) => money(s.tiv) },
    { id: 'share', header: 'Share', number: true, value: (s) => partOf(s.tiv, total), cell: (s) => <><svg className="share-bar" viewBox="0 0 70 8" preserveAspectRatio="none" aria-hidden="true"><rect width={Math.max(0.5, 70 * (partOf(s.tiv, total) ?? 0))} height="8" /></svg><span className="percent">{share(partOf(s.tiv, total))}</span></> },
  ], [title, total, name])
  if (of.length === 0) return null
  return <section className="section share"><Table caption={title} title={title} columns={columns} rows={of} rowKey={(s) => s.key} {...(of.length > 12 ? { height: 330 } : {})} /></section>
}

const roles: Record<string, string> = { location: 'Locations', account: 'Accounts', report: 'Import report', sites: 'Map points' }

function Files({ portfolio }: { portfolio: Portfolio }) {
  return (
    <section className="section"><h2>Files</h2>
      <div className="panel portfolio-files"><ul className="files">{(portfolio.files as Schemas['PortfolioFile'][]).map((f) => (
        <li key={f.role}><span>{roles[f.role] ?? f.role}</span><a href={linkTo('/api/v1/portfolios/{id}/files/{role}', { path: { id: portfolio.id, role: f.role }, query: { version: portfolio.version } })} download={f.name}>{f.name}</a><span className="muted">{bytes(f.bytes)}</span></li>
      ))}</ul></div>
    </section>
  )
}

function Warnings({ portfolio }: { portfolio: Portfolio }) {
  const warnings = (useReport(portfolio)?.warnings ?? []) as Schemas['ExposureWarning'][]
  const columns = useMemo((): Column<Schemas['ExposureWarning']>[] => [
    { id: 'count', header: 'Times', number: true, value: (w) => w.count, cell: (w) => count(w.count) },
    { id: 'line', header: 'First line', number: true, value: (w) => w.line },
    { id: 'column', header: 'Column', value: (w) => w.column },
    { id: 'value', header: 'Value', mono: true, value: (w) => w.value },
    { id: 'reason', header: 'What was found', wide: true, value: (w) => w.reason },
    { id: 'file', header: 'File', value: (w) => w.file },
  ], [])
  if (warnings.length === 0) return null
  return <section className="section"><Table caption="Warnings" title="Warnings of the import" stacks columns={columns} rows={warnings} rowKey={(w) => `${w.file} ${w.column} ${w.line} ${w.reason}`} filter /></section>
}

function Runs({ portfolio, version }: { portfolio: Portfolio; version: number | undefined }) {
  const [, navigate] = useLocation()
  const runs = useList('/api/v1/runs', { query: { portfolio: portfolio.id, limit: 100 } })
  const columns = useMemo((): Column<Schemas['Run']>[] => [
    { id: 'name', header: 'Run', value: runName },
    { id: 'version', header: 'Version', value: (r) => r.portfolio_version },
    { id: 'state', header: 'State', value: (r) => r.state, cell: (r) => <RunTag state={r.state} /> },
    { id: 'years', header: 'Years', number: true, value: (r) => r.spec.years, cell: (r) => count(r.spec.years) },
    { id: 'seed', header: 'Seed', number: true, value: (r) => r.spec.seed },
    { id: 'seal', header: 'Seal', value: (r) => r.seal, cell: (r) => (r.seal === 'sealed' ? <Tag mark="✓" tone="ok">Sealed</Tag> : '—') },
    { id: 'submitted', header: 'Submitted (UTC)', value: (r) => r.submitted, cell: (r) => <Time at={r.submitted} bare /> },
  ], [])
  return (
    <section className="section"><h2>Runs of this portfolio</h2>
      {runs.isLoading ? null : runs.items.length === 0 ? <Empty title="No run of it yet"><Link className="button" href={newRunAt(portfolio.id, version)}>New run</Link></Empty>
        : <Table caption="Runs of this portfolio" columns={columns} rows={runs.items} rowKey={(r) => r.id} href={(r) => `/runs/${r.id}`} onOpen={(r) => navigate(`/runs/${r.id}`)} more={runs.more} />}
    </section>
  )
}

function Replace({ portfolio, etag }: { portfolio: Portfolio; etag: string | undefined }) {
  const [open, setOpen] = useState(false)
  const [refused, setRefused] = useState<Schemas['RefusedExposure']>()
  const refresh = useRefresh()
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>New version …</button>
      <Dialog title="Import the next version" open={open} onClose={() => { setOpen(false); setRefused(undefined) }} wide>
        <p>The portfolio keeps its id. Version {count(portfolio.version)} and the runs of it stay as they are; new runs are of the new version unless they name another. A request for approval becomes void.</p>
        <Upload method="PUT" path={`/api/v1/portfolios/${portfolio.id}`} etag={etag} name={portfolio.name} button="Import version" onRefused={setRefused} onImported={(p) => { void refresh('/api/v1/portfolios', '/api/v1/approvals'); toast(`Version ${count(p.version)} imported: ${count(p.locations)} locations`); setOpen(false) }} />
        {refused ? <Faults faults={refused.faults as Schemas['ExposureFault'][]} total={refused.fault_count} files={refused.files} /> : null}
      </Dialog>
    </>
  )
}

function Delete({ portfolio, etag }: { portfolio: Portfolio; etag: string | undefined }) {
  const [open, setOpen] = useState(false)
  const [, navigate] = useLocation()
  const refresh = useRefresh()
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>Delete …</button>
      <Dialog title="Delete this portfolio" open={open} onClose={() => setOpen(false)}>
        <p>{portfolio.name} and its files are deleted, with all its versions. Its entries in the ledger stay. A portfolio that has runs cannot be deleted.</p>
        <Form button="Delete" danger send={async () => {
          await api.delete('/api/v1/portfolios/{id}', { path: { id: portfolio.id }, ...(etag ? { etag } : {}) })
          await refresh('/api/v1/portfolios')
          toast('Portfolio deleted')
          navigate('/portfolios')
        }} after={<button type="button" onClick={() => setOpen(false)}>Cancel</button>}>{() => null}</Form>
      </Dialog>
    </>
  )
}

function AskApproval({ portfolio }: { portfolio: Portfolio }) {
  const [open, setOpen] = useState(false)
  const refresh = useRefresh()
  const approval = useApproval(portfolio.id, 'portfolio')
  if (!approval.known) return null
  const last = approval.data?.approval
  // What was asked about is the exposure of then: the next version is approved by nobody, and can be asked about.
  const current = approval.data?.current
  const link = last && (last.decision === 'requested' || last.decision === 'approved') ? <Link href={`/approvals/${last.id}`} className="button"><ApprovalTag decision={last.decision} />{current ? null : <span className="muted small"> of what it was before</span>}</Link> : null
  if (link && current) return link
  return (
    <>
      {link}
      <button type="button" onClick={() => setOpen(true)}>Request approval</button>
      <Dialog title="Request approval" open={open} onClose={() => setOpen(false)}>
        <p>A colleague decides on the portfolio as it is now.</p>
        <Form button="Request approval" after={<button type="button" onClick={() => setOpen(false)}>Cancel</button>} send={async (data) => {
          const note = String(data.get('note') ?? '').trim()
          try {
            await api.post('/api/v1/approvals', { body: { kind: 'portfolio', object: portfolio.id, ...(note ? { note } : {}) } })
          } catch (e) {
            if (e instanceof ApiError && e.kind === 'conflict') void refresh('/api/v1/portfolios/{id}/approval', '/api/v1/approvals')
            throw e
          }
          await refresh('/api/v1/portfolios/{id}/approval', '/api/v1/approvals')
          toast('Approval requested')
          setOpen(false)
        }}>
          {(fault) => <TextArea label="Note" name="note" maxLength={2000} autoFocus hint="May be left empty." fault={fault('note')} />}
        </Form>
      </Dialog>
    </>
  )
}
