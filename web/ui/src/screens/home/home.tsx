import { useMemo } from 'react'
import { Link, useLocation } from 'wouter'
import type { Schemas } from '../../api/client'
import { useLive } from '../../api/live'
import { useGet, useList, useMay, useMe } from '../../api/queries'
import { bytes, count, share } from '../../format'
import { useKeys } from '../../keys'
import { Head } from '../../parts/frame'
import { useObjects, usePeople } from '../../parts/names'
import { Empty, Failure, Loading, Ready } from '../../parts/states'
import { Facts, Tag, Time } from '../../parts/state'
import { Table } from '../../parts/table'
import { runColumns } from '../runs/columns'
import { useState } from 'react'
import { ExampleButton } from '../portfolios/example'
import './home.css'

type Run = Schemas['Run']

/** What there is to do, what was done last, and how the appliance stands. */
export default function Home() {
  const may = useMay()
  return (
    <div className="screen">
      <Head title="Home" actions={<>{may('portfolio.import') ? <Link className="button" href="/portfolios">Upload exposure</Link> : null}{may('run.submit') ? <Link className="button primary" href="/runs/new">New run</Link> : null}</>} />
      {may('run.read') ? <><Work /><RecentRuns /></> : null}
      <System />
    </div>
  )
}

/** What waits for the reader, and what of the reader's is under way. */
function Work() {
  const may = useMay()
  const me = useMe().data
  const live = useLive()
  const mine = useGet('/api/v1/runs', { query: { by: me?.id, limit: 100 } }, { enabled: me !== undefined, refetchInterval: live.state === 'live' ? false : 10_000 }).data?.items as Run[] | undefined
  const requests = useGet('/api/v1/approvals', { query: { limit: 1000 } }, { enabled: may('approval.read') }).data?.items
  const portfolios = useGet('/api/v1/portfolios', { query: { limit: 1 } }).data
  const open = requests?.filter((a) => a.decision === 'requested') ?? []
  const toDecide = may('approval.decide') ? open.filter((a) => a.by !== me?.id) : []
  const asked = open.filter((a) => a.by === me?.id)
  const of = (state: Run['state']) => mine?.filter((r) => r.state === state) ?? []
  const cells = [
    { name: 'For you to decide', n: toDecide.length, to: '/approvals', note: toDecide.length === 0 ? 'nothing waits for you' : toDecide.length === 1 ? 'request for approval' : 'requests for approval', shown: may('approval.decide') },
    { name: 'In review', n: asked.length, to: '/approvals', note: asked.length === 0 ? 'you have asked for no approval' : 'you asked for approval', shown: may('approval.request') },
    { name: 'Running', n: of('running').length + of('queued').length, to: '/runs?state=running', note: of('queued').length > 0 ? `${count(of('queued').length)} of them wait` : 'runs of yours', shown: may('run.submit') },
    { name: 'Failed', n: of('failed').length, to: '/runs?state=failed', note: of('failed').length === 0 ? 'none of yours' : 'runs of yours', shown: may('run.submit') },
  ].filter((c) => c.shown)
  if (portfolios && portfolios.items.length === 0) {
    return <Empty title="Last Peril — no runs yet"><p>Upload an OED file: its faults are named line by line, and a run over 5,000 locations takes about half a minute.</p><ExampleButton beside={<Link className="button primary" href="/portfolios">Upload exposure</Link>} /></Empty>
  }
  if (cells.length === 0) return null
  return <nav className="tiles work" aria-label="My work">{cells.map((c) => <Link key={c.name} href={c.to} className="tile"><span className="name">{c.name}</span><span className="value">{count(c.n)}</span><span className="note">{c.note}</span></Link>)}</nav>
}

function RecentRuns() {
  const [, navigate] = useLocation()
  const runs = useList('/api/v1/runs', { query: { limit: 12 } })
  const people = usePeople()
  const objects = useObjects()
  const columns = useMemo(() => runColumns(people, objects, true), [people, objects])
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const toggle = (id: string) => setSelected((s) => { const next = new Set(s); if (!next.delete(id)) next.add(id); return next })
  const done = [...selected].filter((id) => runs.items.find((r) => r.id === id)?.state === 'done')
  const compare = () => { if (done.length > 1 && done.length <= 4) navigate(`/compare?baseline=${done[0]}&with=${done.slice(1).join(',')}`) }
  useKeys([{ keys: 'c', does: 'Compare the selected runs', run: compare }])
  if (runs.error) return <Failure error={runs.error} retry={runs.refetch} />
  if (runs.isLoading) return <Loading />
  if (runs.items.length === 0) return null
  return (
    <section className="section">
      <Table caption="Recent runs" title="Recent runs" tools={<>{done.length > 1 ? <button type="button" onClick={compare}>Compare {done.length} selected</button> : null}<Link className="button" href="/runs">All runs</Link></>} columns={columns} rows={runs.items.slice(0, 12)} rowKey={(r) => r.id} filter keys href={(r) => `/runs/${r.id}`} onOpen={(r) => navigate(`/runs/${r.id}`)} selected={selected} onSelect={toggle} />
    </section>
  )
}

/** How the appliance stands: to operators in full, to others what they may know. */
function System() {
  const system = useGet('/api/v1/system', {}, { refetchInterval: 60_000 })
  return (
    <section className="section"><h2>System</h2>
      <Ready of={system} rows={3}>{(s) => (
        <div className="panel system"><Facts of={[
          ['State', s.store?.read_only ? <Tag key="s" mark="!" tone="warn">read-only: the disk is nearly full</Tag> : <Tag key="s" mark="●" tone="ok">{s.status}</Tag>],
          ['Version', s.version ?? '—'],
          ['Mode', s.mode === 'air-gapped' ? 'air-gapped: this appliance makes no outbound calls' : s.mode ?? '—'],
          ...(s.store ? [
            ['Database', `${bytes(s.store.database_bytes)}, ${share(s.store.database_free_bytes / Math.max(1, s.store.database_bytes), 0)} of it free`] as const,
            ['Disk', `${bytes(s.store.disk_free_bytes)} free`] as const,
            ['Tenants', count(s.store.tenants)] as const,
            ['Keys due for rotation', count(s.store.rotation_due)] as const,
            ['Audit entries', count(s.store.audit_entries)] as const,
            ['Heads anchored', <Time key="a" at={s.store.anchored} />] as const,
          ] : []),
        ]} /></div>
      )}</Ready>
    </section>
  )
}
