import { Link } from 'wouter'
import { useGet, useList, useMay } from '../../api/queries'
import { bytes } from '../../format'
import { Head } from '../../parts/frame'
import { Empty, Failure, Loading, Ready } from '../../parts/states'
import { Facts, RunTag, Time } from '../../parts/state'
import { Table, type Column } from '../../parts/table'
import type { Schemas } from '../../api/client'

type Run = Schemas['Run']

const columns: readonly Column<Run>[] = [
  { id: 'name', header: 'Run', value: (r) => r.name ?? r.id.slice(0, 12) },
  { id: 'state', header: 'State', value: (r) => r.state, cell: (r) => <RunTag state={r.state} /> },
  { id: 'years', header: 'Years', number: true, value: (r) => r.spec.years },
  { id: 'submitted', header: 'Submitted (UTC)', value: (r) => r.submitted, cell: (r) => <Time at={r.submitted} /> },
]

export default function Home() {
  const may = useMay()
  return (
    <div className="screen">
      <Head title="Home" />
      {may('run.read') ? <RecentRuns /> : null}
      <section className="section"><h2>System</h2><System /></section>
    </div>
  )
}

function RecentRuns() {
  const runs = useList('/api/v1/runs', { query: { limit: 50 } })
  if (runs.error) return <Failure error={runs.error} retry={runs.refetch} />
  if (runs.isLoading) return <Loading />
  if (runs.items.length === 0) return <Empty title="No runs yet"><p>Upload an OED file, then run it.</p></Empty>
  return (
    <section className="section"><h2>Recent runs</h2>
      <Table caption="Recent runs" columns={columns} rows={runs.items} rowKey={(r) => r.id} href={(r) => `/runs/${r.id}`} filter keys more={runs.more} />
      <Link href="/runs">All runs</Link>
    </section>
  )
}

function System() {
  const system = useGet('/api/v1/system', {})
  return <Ready of={system} rows={3}>{(s) => <Facts of={[['Status', s.status], ['Version', s.version ?? '—'], ['Mode', s.mode ?? '—'], ...(s.store ? [['Database', bytes(s.store.database_bytes)] as const] : [])]} />}</Ready>
}
