// The queue of requests for approval, and those that were decided.
import { useMemo } from 'react'
import { Link, useLocation } from 'wouter'
import type { Schemas } from '../../api/client'
import { useList, useMay, useMe } from '../../api/queries'
import { Head } from '../../parts/frame'
import { actorName, useObjects, usePeople } from '../../parts/names'
import { ApprovalTag, Time } from '../../parts/state'
import { Empty, Failure, Loading } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { useUrlChoice } from '../../url'
import './approvals.css'

type Approval = Schemas['Approval']

const tabs = [['open', 'Open'], ['decided', 'Decided'], ['mine', 'Asked by me']] as const

export default function Approvals() {
  const [tab] = useUrlChoice('show', ['open', 'decided', 'mine'])
  const me = useMe().data
  const list = useList('/api/v1/approvals', { query: { limit: 200 } }, { refetchInterval: 15_000 })
  const all = list.items as Approval[]
  const open = all.filter((a) => a.decision === 'requested')
  const rows = tab === 'open' ? open : tab === 'mine' ? all.filter((a) => a.by === me?.id) : all.filter((a) => a.decision !== 'requested')
  return (
    <div className="screen">
      <Head title="Approvals" about={<Waiting open={open} me={me?.id} />} />
      <nav className="tabs" aria-label="Which requests">
        {tabs.map(([key, text]) => <Link key={key} href={key === 'open' ? '/approvals' : `/approvals?show=${key}`} aria-current={tab === key ? 'page' : undefined}>{text}{key === 'open' && list.first ? ` ${open.length}` : ''}</Link>)}
      </nav>
      {list.error ? <Failure error={list.error} retry={list.refetch} /> : list.isLoading ? <Loading /> : rows.length === 0 ? <Nothing tab={tab} /> : <Queue rows={rows} more={list.more} open={tab === 'open'} />}
    </div>
  )
}

function Waiting({ open, me }: { open: Approval[]; me: string | undefined }) {
  const may = useMay()
  const others = open.filter((a) => a.by !== me).length
  if (!may('approval.decide')) return <>Approvers and administrators decide. Whoever asks never does.</>
  return <>{others === 0 ? 'Nothing waits for your decision.' : others === 1 ? '1 request waits for your decision.' : `${others} requests wait for your decision.`}</>
}

function Nothing({ tab }: { tab: string }) {
  if (tab === 'open') return <Empty title="No open requests"><p>Whoever submitted a run asks for its approval on the run's own page, once it is done. A second person decides here.</p><Link className="button" href="/runs">Runs</Link></Empty>
  if (tab === 'mine') return <Empty title="You have asked for nothing yet"><p>Open a run that is done and press “Request approval”.</p><Link className="button" href="/runs">Runs</Link></Empty>
  return <Empty title="Nothing was decided yet"><p>Approved, rejected, withdrawn and void requests stay here for good.</p></Empty>
}

function Queue({ rows, more, open }: { rows: readonly Approval[]; more: (() => void) | undefined; open: boolean }) {
  const [, navigate] = useLocation()
  const people = usePeople()
  const objects = useObjects()
  const columns = useMemo((): Column<Approval>[] => [
    { id: 'object', header: 'Run or portfolio', value: (a) => objects.get(a.object)?.name ?? a.object.slice(0, 12) },
    { id: 'decision', header: 'State', value: (a) => a.decision, cell: (a) => <ApprovalTag decision={a.decision} /> },
    { id: 'kind', header: 'Kind', value: (a) => (a.kind === 'run' ? 'Run' : 'Portfolio') },
    { id: 'by', header: 'Asked by', value: (a) => actorName(a.by, people) },
    { id: 'at', header: 'Asked (UTC)', value: (a) => a.at, cell: (a) => <Time at={a.at} bare /> },
    { id: 'note', header: 'Note', value: (a) => a.note ?? '', wide: true, cell: (a) => a.note || <span className="muted">—</span> },
    ...(open ? [] : [
      { id: 'decider', header: 'Decided by', value: (a: Approval) => (a.decided ? actorName(a.decider, people) : undefined) },
      { id: 'decided', header: 'Decided (UTC)', value: (a: Approval) => a.decided, cell: (a: Approval) => <Time at={a.decided} bare /> },
    ]),
    { id: 'id', header: 'Id', value: (a) => a.id, mono: true, hidden: true },
  ], [people, objects, open])
  return <Table key={String(open)} caption="Requests for approval" stacks columns={columns} rows={rows} rowKey={(a) => a.id} href={(a) => `/approvals/${a.id}`} onOpen={(a) => navigate(`/approvals/${a.id}`)} filter keys more={more} />
}
