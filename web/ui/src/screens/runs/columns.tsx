import { Link } from 'wouter'
import type { Schemas } from '../../api/client'
import { useGet } from '../../api/queries'
import { count, money } from '../../format'
import { actorName, runName } from '../../parts/names'
import { RunTag, Tag, Time } from '../../parts/state'
import type { Column } from '../../parts/table'
import { portfolioAt } from '../../url'

type Run = Schemas['Run']

/** Columns of a list of runs. AAL and OEP are read run by run, so that long lists have them only where the reader wants the columns. */
export function runColumns(people: ReadonlyMap<string, { name: string }>, objects: ReadonlyMap<string, { name: string; to: string }>, withFigures = false): Column<Run>[] {
  const hidden = !withFigures
  return [
    { id: 'name', header: 'Run', value: runName },
    { id: 'state', header: 'State', value: (r) => r.state, cell: (r) => <RunTag state={r.state} /> },
    { id: 'portfolio', header: 'Portfolio', value: (r) => objects.get(r.portfolio)?.name ?? r.portfolio, cell: (r) => <Link href={portfolioAt(r.portfolio, r.portfolio_version)}>{objects.get(r.portfolio)?.name ?? r.portfolio.slice(0, 12)}</Link> },
    { id: 'aal', header: 'AAL, gross (USD)', number: true, hidden, value: () => undefined, cell: (r) => <Aal run={r} /> },
    { id: 'oep', header: 'OEP 1 in 250, gross (USD)', number: true, hidden, value: () => undefined, cell: (r) => <Oep run={r} /> },
    { id: 'years', header: 'Years', number: true, value: (r) => r.spec.years, cell: (r) => count(r.spec.years) },
    { id: 'seed', header: 'Seed', number: true, hidden: true, value: (r) => r.spec.seed },
    { id: 'seal', header: 'Seal', value: (r) => r.seal, cell: (r) => (r.seal === 'sealed' ? <Tag mark="✓" tone="ok">Sealed</Tag> : r.seal === 'pending' ? <Tag mark="◔" tone="muted">Pending</Tag> : '—') },
    { id: 'by', header: 'By', value: (r) => actorName(r.by, people) },
    { id: 'submitted', header: 'Submitted (UTC)', value: (r) => r.submitted, cell: (r) => <Time at={r.submitted} bare /> },
  ]
}

function Aal({ run }: { run: Run }) {
  const m = useGet('/api/v1/runs/{id}/metrics', { path: { id: run.id }, query: { level: ['portfolio'], limit: 1 } }, { enabled: run.state === 'done', staleTime: Infinity })
  return <>{run.state === 'done' ? (m.data ? money((m.data.items as Schemas['SummaryMetrics'][])[0]?.gross.aal) : '…') : '—'}</>
}

function Oep({ run }: { run: Run }) {
  const c = useGet('/api/v1/runs/{id}/curves', { path: { id: run.id }, query: { return_periods: '250' } }, { enabled: run.state === 'done' && run.spec.years >= 250, staleTime: Infinity })
  const curve = (c.data?.curves as Schemas['Curve'][] | undefined)?.find((x) => x.perspective === 'gross' && x.type === 'oep')
  return <>{run.state === 'done' && run.spec.years >= 250 ? (c.data ? money((curve?.points as Schemas['CurvePoint'][] | undefined)?.[0]?.loss) : '…') : '—'}</>
}
