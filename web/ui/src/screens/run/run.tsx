import { lazy, Suspense, useEffect, useRef, type ReactNode } from 'react'
import { Link, useParams } from 'wouter'
import { api, ApiError, type Schemas } from '../../api/client'
import { useLive } from '../../api/live'
import { useGet, useMay, useRefresh } from '../../api/queries'
import { count, span } from '../../format'
import { Head } from '../../parts/frame'
import { ObjectName, useObjects } from '../../parts/names'
import { RunTag, Time } from '../../parts/state'
import { CopyText, Empty, Loading, Notice, Ready } from '../../parts/states'
import { toast } from '../../parts/toast'
import { runAgainAt, useUrlChoice, useUrlState } from '../../url'
import { Approval, AskApproval } from './approval'
import { Downloads } from './downloads'
import { Figures } from './figures'
import { EditLabel } from './label'
import { Results } from './results'
import { BrokenSeal, SealState } from './seal'
import './run.css'

type Run = Schemas['Run']

const LossMap = lazy(() => import('./map'))
const Events = lazy(() => import('./events'))
const Quantum = lazy(() => import('./quantum'))
const About = lazy(() => import('./about'))

const tabs = [['results', 'Results'], ['map', 'Map'], ['events', 'Events'], ['quantum', 'Quantum'], ['settings', 'Settings'], ['lineage', 'Lineage'], ['timeline', 'Timeline']] as const

export default function RunScreen() {
  const { id } = useParams<{ id: string }>()
  const live = useLive()
  const run = useGet('/api/v1/runs/{id}', { path: { id } }, {
    // Events tell of changes; asking is for what they miss, and faster where they do not come.
    refetchInterval: (q) => (q.state.data && (q.state.data.state === 'queued' || q.state.data.state === 'running') ? (live.state === 'live' ? 10_000 : 2_500) : q.state.data?.seal === 'pending' ? 3_000 : false),
  })
  if (!run.data) return <div className="screen"><Head title="Run" /><Ready of={run} rows={14}>{() => null}</Ready></div>
  return <Shown run={withLive(run.data, live.runs.get(run.data.id))} />
}

/** The run as it was read, with what is newer of its events. */
function withLive(run: Run, event: Schemas['RunEvent'] | undefined): Run {
  const ended = (s: Run['state']) => s === 'done' || s === 'failed' || s === 'cancelled'
  if (!event || ended(run.state)) return run
  return { ...run, state: event.state, progress: event.progress ?? run.progress, reason: event.reason ?? run.reason }
}

function Shown({ run }: { run: Run }) {
  const objects = useObjects()
  const may = useMay()
  const done = run.state === 'done'
  const title = run.name ?? `Run ${run.id.slice(0, 12)}`
  return (
    <>
      {done ? <BrokenSeal run={run} /> : null}
      <div className="screen">
        <Head title={title}
          about={<><CopyText text={run.id} /> · <ObjectName id={run.portfolio} version={run.portfolio_version} objects={objects} />, version {count(run.portfolio_version)} · {may('model.read') ? <a href={`/models/${run.model}`}>Florida hurricane</a> : 'Florida hurricane'} · {count(run.spec.years)} simulated years{run.spec.scenario ? <> · scenario <strong>{run.spec.scenario}</strong></> : null}{run.note ? <span className="note"> · {run.note}</span> : null} <EditLabel run={run} /></>}
          actions={<><RunTag state={run.state} />{done ? <><Approval run={run} /><SealState run={run} />{may('run.report') ? <a className="button" href={`/runs/${run.id}/report`}>Report</a> : null}<Downloads run={run} /><AskApproval run={run} /></> : <Cancel run={run} />}</>} />
        {done ? <Done run={run} /> : <Underway run={run} />}
      </div>
    </>
  )
}

/** A run that is done: figures, and the parts of its result. */
function Done({ run }: { run: Run }) {
  const [tab] = useUrlChoice('tab', tabs.map((t) => t[0]) as [(typeof tabs)[number][0], ...(typeof tabs)[number][0][]])
  const [summary] = useUrlState('summary', '1')
  const part = (name: string, content: ReactNode) => (tab === name ? <Suspense fallback={<Loading rows={10} />}>{content}</Suspense> : null)
  return (
    <>
      <Figures run={run} summary={Number(summary) || 1} />
      <Tabs at={tab} />
      {part('results', <Results run={run} summary={Number(summary) || 1} />)}
      {part('map', <LossMap run={run} />)}
      {part('events', <Events run={run} summary={Number(summary) || 1} />)}
      {part('quantum', <Quantum run={run} />)}
      {tab === 'settings' || tab === 'lineage' || tab === 'timeline' ? part(tab, <About run={run} part={tab} />) : null}
    </>
  )
}

function Tabs({ at }: { at: string }) {
  const row = useRef<HTMLElement>(null)
  // Narrow screens scroll the row: the tab that is open is in sight.
  useEffect(() => { row.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }) }, [at])
  return (
    <nav ref={row} className="tabs" aria-label="Parts of the result">
      {tabs.map(([name, text]) => {
        const query = new URLSearchParams(window.location.search)
        if (name === 'results') query.delete('tab')
        else query.set('tab', name)
        const search = query.toString()
        return <Link key={name} href={window.location.pathname + (search ? `?${search}` : '')} aria-current={name === at ? 'page' : undefined}>{text}</Link>
      })}
    </nav>
  )
}

const stages: Record<string, string> = { exposure: 'Reading the exposure', sites: 'Placing the sites', years: 'Simulating years', bands: 'Bands of the curves', tables: 'Writing the tables', estimate: 'Quantum estimate', seal: 'Sealing' }

/** A run that is not done: how far it is, or why it ended. */
function Underway({ run }: { run: Run }) {
  const p = run.progress
  if (run.state === 'failed') return <Notice tone="error"><strong>The run failed.</strong> {run.reason ?? 'No reason was kept.'} <Link href={runAgainAt(run)}>Submit it again</Link> when the cause is mended.</Notice>
  if (run.state === 'cancelled') return <Empty title="Cancelled"><p>{run.reason ?? 'No reason was given.'} There is no result.</p><Link className="button" href={runAgainAt(run)}>Submit it again</Link></Empty>
  const part = p && p.of > 0 ? p.done / p.of : 0
  return (
    <section className="panel underway" aria-live="off">
      <h2>{run.state === 'queued' ? 'Waiting in the queue' : stages[p?.stage ?? ''] ?? p?.stage ?? 'Beginning'}</h2>
      {p?.waiting_reason ? <p>{p.waiting_reason}</p> : null}
      <progress max={1} value={run.state === 'queued' ? 0 : part} aria-label={`${Math.round(part * 100)} percent of the simulated years`} />
      <p className="numbers">
        {p && p.of > 0 ? <span><strong>{count(p.done)}</strong> of {count(p.of)} years</span> : null}
        {p?.years_a_second ? <span>{count(p.years_a_second)} years a second</span> : null}
        {p?.seconds_left ? <span>about {span(p.seconds_left)} left</span> : null}
        <span className="muted">submitted <Time at={run.submitted} /></span>
      </p>
      <p className="hint">You may leave this page, or close it: the appliance carries the run out. It survives a restart.</p>
    </section>
  )
}

function Cancel({ run }: { run: Run }) {
  const may = useMay()
  const refresh = useRefresh()
  if (!may('run.cancel') || (run.state !== 'queued' && run.state !== 'running')) return null
  const cancel = async () => {
    try {
      await api.post('/api/v1/runs/{id}/cancel', { path: { id: run.id }, body: { reason: 'cancelled in the terminal' } })
      toast('Run cancelled')
    } catch (e) {
      if (!(e instanceof ApiError)) throw e
      toast(`${e.problem.title}. ${e.problem.detail ?? ''}`, 'error')
    }
    await refresh('/api/v1/runs')
  }
  return <button type="button" className="danger" onClick={() => void cancel()}>Cancel the run</button>
}
