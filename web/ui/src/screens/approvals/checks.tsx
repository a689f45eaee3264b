// The strip of checks of a request: each is read from the API when the page is opened, none is kept.
import { useState, type ReactNode } from 'react'
import type { Schemas } from '../../api/client'
import { ApiError } from '../../api/client'
import { useGet } from '../../api/queries'
import { clock, count, money, short } from '../../format'
import { Loading } from '../../parts/states'
import { intervals, type Report } from './agreement'
import { asAsked } from './baseline'

type Approval = Schemas['Approval']

export type Verdict = 'ok' | 'warn' | 'error' | 'info' | 'waiting'

const marks = { ok: ['✓', 'Holds'], warn: ['▲', 'Look at it'], error: ['✕', 'Does not hold'], info: ['i', 'To know'], waiting: ['◔', 'Being read'] } as const

function Check({ title, verdict, children }: { title: string; verdict: Verdict; children: ReactNode }) {
  const [mark, word] = marks[verdict]
  return <li className={`check-item ${verdict}`}><h3><span aria-hidden="true" className="mark">{mark}</span> {title}<span className="unseen">: {word}</span></h3><div>{children}</div></li>
}

export function Checks({ of: a }: { of: Approval }) {
  const [at] = useState(() => new Date())
  return (
    <section className="section">
      <div className="section-head"><h2>Checks</h2><span className="muted small">read at {clock(at)}</span></div>
      <ul className="checks">
        <Unchanged of={a} />
        {a.kind === 'run' ? <OfRun run={a.object} /> : <OfPortfolio of={a} />}
      </ul>
    </section>
  )
}

function Unchanged({ of: a }: { of: Approval }) {
  const run = useGet('/api/v1/runs/{id}/approval', { path: { id: a.object } }, { enabled: a.kind === 'run' })
  const portfolio = useGet('/api/v1/portfolios/{id}/approval', { path: { id: a.object } }, { enabled: a.kind === 'portfolio' })
  const last = a.kind === 'run' ? run.data : portfolio.data
  const error = a.kind === 'run' ? run.error : portfolio.error
  if (error) return <Check title="Unchanged" verdict="warn">{why(error)}</Check>
  if (!last) return <Check title="Unchanged" verdict="waiting"><Loading rows={1} /></Check>
  if (last.approval.id !== a.id) return <Check title="Unchanged" verdict="info">A later request about it is there.</Check>
  return last.current
    ? <Check title="Unchanged" verdict="ok">It is what was asked about, by its digest.</Check>
    : <Check title="Unchanged" verdict="error">It was changed since the request, which a decision would find void.</Check>
}

function OfRun({ run: id }: { run: string }) {
  const { data: run, error } = useGet('/api/v1/runs/{id}', { path: { id } })
  return (
    <>
      {run ? <OfVersion portfolio={run.portfolio} version={run.portfolio_version} digest={run.portfolio_digest} /> : <Check title="Exposure" verdict={error ? 'warn' : 'waiting'}>{error ? why(error) : <Loading rows={1} />}</Check>}
      <Convergence run={id} />
      <Quantum run={id} />
      <Seal run={id} sealed={run?.seal} />
    </>
  )
}

/** The exposure of a run: that of the version it was of, whatever was imported later. */
function OfVersion({ portfolio, version, digest }: { portfolio: string; version: number; digest: string }) {
  const now = useGet('/api/v1/portfolios/{id}', { path: { id: portfolio }, query: { version } })
  if (now.error) return <Check title="Exposure" verdict="warn">{now.error.kind === 'not-found' ? 'The portfolio was deleted. The run keeps its digest.' : why(now.error)}</Check>
  if (!now.data) return <Check title="Exposure" verdict="waiting"><Loading rows={1} /></Check>
  if (now.data.digest !== digest) return <Check title="Exposure" verdict="warn">The digest of version {count(version)} of the portfolio is not the one that the run keeps.</Check>
  return <Exposure of={now.data} />
}

/** The exposure of a portfolio is read in its latest version, which may be another than the one that was asked about. */
function OfPortfolio({ of: a }: { of: Approval }) {
  const now = useGet('/api/v1/portfolios/{id}', { path: { id: a.object } })
  const last = useGet('/api/v1/portfolios/{id}/approval', { path: { id: a.object } })
  if (now.error) return <Check title="Exposure" verdict="warn">{now.error.kind === 'not-found' ? 'The portfolio was deleted. The request keeps its digest.' : why(now.error)}</Check>
  if (last.error) return <Check title="Exposure" verdict="warn">{why(last.error)}</Check>
  if (!now.data || !last.data) return <Check title="Exposure" verdict="waiting"><Loading rows={1} /></Check>
  return <Exposure of={now.data} other={!asAsked(a, last.data)} />
}

/** What was validated at the import: a portfolio with a fault is refused whole, so one that is here has none. other: it is not what was asked about. */
function Exposure({ of: p, other = false }: { of: Schemas['Portfolio']; other?: boolean }) {
  const summary = useGet('/api/v1/portfolios/{id}/summary', { path: { id: p.id }, query: { version: p.version } }).data
  const warnings = summary?.warnings ?? 0
  return (
    <Check title="Exposure" verdict={warnings > 0 || other ? 'warn' : 'ok'}>
      {other ? <>The request was about the portfolio as it was before. Its latest version, {count(p.version)}, has </> : null}{count(p.locations)} locations, {short(p.tiv)} {p.currency}, imported without a fault{warnings > 0 ? <>; {count(warnings)} {warnings === 1 ? 'warning' : 'warnings'}</> : null}.
      {summary && summary.not_wind > 0 ? <> {count(summary.not_wind)} are not insured against wind.</> : null}
    </Check>
  )
}

/** How much of the figures is chance of the simulated years: the bands of the API, which hold nothing of the model's own error. */
function Convergence({ run }: { run: string }) {
  const metrics = useGet('/api/v1/runs/{id}/metrics', { path: { id: run }, query: { level: ['portfolio'] } })
  const curves = useGet('/api/v1/runs/{id}/curves', { path: { id: run }, query: { return_periods: '250' } }).data
  if (metrics.error) return <Check title="Convergence" verdict="warn">{why(metrics.error)}</Check>
  const gross = metrics.data?.items[0]?.gross
  if (!metrics.data || !gross) return <Check title="Convergence" verdict="waiting"><Loading rows={2} /></Check>
  const basis = metrics.data.basis
  const oep = curves?.curves.find((c) => c.perspective === 'gross' && c.type === 'oep')?.points[0]
  return (
    <Check title="Convergence" verdict={oep && oep.high === undefined ? 'warn' : 'info'}>
      <dl className="mini">
        <dt>Simulated years</dt><dd>{count(basis.years)}</dd>
        <dt>Gross AAL</dt><dd>{money(gross.aal)} <span className="muted">± {short(gross.aal_standard_error)} standard error</span></dd>
        {oep ? <><dt>Gross OEP, 1 in 250</dt><dd>{money(oep.loss)} <span className="muted">{Math.round(basis.confidence * 100)} % band {short(oep.low)} – {oep.high === undefined ? 'no upper limit: too few years' : short(oep.high)}</span></dd></> : null}
      </dl>
    </Check>
  )
}

/** Whether the intervals of the quantum estimate hold the exact sums beside them, as the sealed report says of each. */
function Quantum({ run }: { run: string }) {
  const estimate = useGet('/api/v1/runs/{id}/estimate', { path: { id: run } })
  if (estimate.error instanceof ApiError && estimate.error.kind === 'not-found') return <Check title="Quantum agreement" verdict="info">Not run. Classical results are complete.</Check>
  if (estimate.error) return <Check title="Quantum agreement" verdict="warn">{why(estimate.error)}</Check>
  if (!estimate.data) return <Check title="Quantum agreement" verdict="waiting"><Loading rows={1} /></Check>
  const { all, holding, backends, confidence } = intervals(estimate.data.report as Report)
  if (all === 0) return <Check title="Quantum agreement" verdict="info">The report has no interval.</Check>
  return (
    <Check title="Quantum agreement" verdict={holding === all ? 'ok' : 'info'}>
      {count(holding)} of {count(all)} intervals hold the exact sum{confidence === undefined ? null : <> (each by design with {Math.round(confidence * 100)} % confidence)</>}. {backends.join(', ')}.
    </Check>
  )
}

function Seal({ run, sealed }: { run: string; sealed: string | undefined }) {
  const seal = useGet('/api/v1/runs/{id}/seal', { path: { id: run } }, { enabled: sealed === 'sealed', staleTime: 0 })
  if (sealed === 'pending') return <Check title="Seal" verdict="warn">It is still to be made. A minute after the run it is there.</Check>
  if (seal.error) return <Check title="Seal" verdict="error">{why(seal.error)}</Check>
  if (!seal.data) return <Check title="Seal" verdict="waiting"><Loading rows={1} /></Check>
  const broken = seal.data.checks.filter((c) => !c.ok)
  return seal.data.valid
    ? <Check title="Seal" verdict="ok">All {count(seal.data.checks.length)} steps hold, against the files as they are. <a href={`/ledger?find=${run}`}>Every step</a></Check>
    : <Check title="Seal" verdict="error">Broken: {broken.map((c) => c.name).join(', ')}. <a href={`/ledger?find=${run}`}>Every step</a></Check>
}

function why(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
