// One job: what it asks, what becomes of it, what can be done with it now, its bytes, and its answer beside the others.
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import { api, ApiError, Cancelled } from '../../../api/client'
import { useMay, useRefresh } from '../../../api/queries'
import { count, share } from '../../../format'
import { Dialog } from '../../../parts/dialog'
import { Form } from '../../../parts/form'
import { Person, usePeople } from '../../../parts/names'
import { Facts, Tag, Time } from '../../../parts/state'
import { CopyText, Failure, Notice } from '../../../parts/states'
import { toast } from '../../../parts/toast'
import { Circuits } from './bytes'
import { afterStep, deviceOf, figure, questionLine, reportOf, stages, useDeviceSettings, type Device, type Job, type Report } from './jobs'
import { Quoted, type Offer } from './price'
import { Export } from './relay'

export function StageTag({ job }: { job: Job }) {
  const [mark, word, tone] = stages[job.stage]
  return <Tag mark={mark} tone={tone}>{job.cancelling ? 'Being cancelled' : word}</Tag>
}

export function OneJob({ job, devices, onClose }: { job: Job; devices: readonly Device[]; onClose: () => void }) {
  const report = reportOf(job)
  const all = useRef<HTMLElement>(null)
  useEffect(() => { all.current?.scrollIntoView({ block: 'nearest' }) }, []) // it is below all that the simulator found
  return (
    <section ref={all} className="panel job" aria-label="Job">
      <div className="section-head"><h3>{questionLine(job.question)} <StageTag job={job} /></h3><button type="button" className="icon" aria-label="Close the job" onClick={onClose}>✕</button></div>
      {report ? <Answered job={job} report={report} devices={devices} /> : null}
      <div className="split">
        <About job={job} devices={devices} />
        <div className="section"><Tasks job={job} /></div>
      </div>
      <Steps key={`${job.id} ${job.stage}`} job={job} />
      <details className="more" open={job.stage === 'prepared'}><summary>{job.stage === 'prepared' ? 'The exact bytes that would leave' : 'The exact bytes of its circuits'}</summary><Circuits job={job} /></details>
    </section>
  )
}

function About({ job, devices }: { job: Job; devices: readonly Device[] }) {
  const people = usePeople()
  const may = useMay()
  const device = deviceOf(job.device, devices)
  const facts: (readonly [string, ReactNode])[] = [
    ['Asked', job.text],
    ['Backend', <>{device.name} <Tag mark={device.hardware ? '◆' : '○'} tone={device.hardware ? 'accent' : 'muted'}>{device.hardware ? 'quantum hardware' : 'simulator of the provider'}</Tag></>],
    ['Circuits', `${job.circuits.length ? count(job.circuits.length) : 'not kept'}, ${job.qubits} loss qubits, ${job.twins} calibration ${job.twins === 1 ? 'twin' : 'twins'} for each power`],
    ['Shots in all', count(job.shots)],
    ['Without noise it would give', `${figure(job.question, job.expected.value)}, ${figure(job.question, job.expected.low)} – ${figure(job.question, job.expected.high)}`],
    ['Prepared', <><Time at={job.prepared} /> by <Person id={job.by} people={people} /></>],
  ]
  if (job.quote) facts.push(['Last quote', <><strong>{job.quote.total_usd} USD</strong> for {count(job.quote.tasks)} tasks, <Time at={job.quote.at} /></>])
  if (job.confirmed) facts.push(['Agreed to', <>{job.confirmed.total_usd} USD by <Person id={job.confirmed.by} people={people} />, <Time at={job.confirmed.at} /><br /><CopyText text={job.confirmed.digest} /></>])
  facts.push(['Quoted for tasks created', `${job.quoted_usd} USD; the provider’s bill decides`])
  if (job.pending_usd !== '0.00') facts.push(['Agreed to and still to come', `${job.pending_usd} USD`])
  if (job.relay) facts.push(['Answered by relay', job.relay])
  facts.push(['In the ledger', job.estimate ? (may('ledger.read') ? <Link href={`/ledger?find=${job.estimate}`}><code>{job.estimate}</code></Link> : <code>{job.estimate}</code>) : 'not yet: nothing of it has left'])
  return <Facts of={facts} />
}

/** What became of each circuit. */
function Tasks({ job }: { job: Job }) {
  if (job.circuits.length === 0) return null
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Tasks">
      <table>
        <caption className="unseen">Tasks</caption>
        <thead><tr><th scope="col">Circuit</th><th scope="col" className="number">Power</th><th scope="col" className="number">Shots</th><th scope="col">Task</th><th scope="col">State</th></tr></thead>
        <tbody>{job.circuits.map((c, i) => (
          <tr key={`${c.sha256} ${i}`}><td><CopyText text={c.sha256} show={`${c.sha256.slice(0, 12)}…`} /></td><td className="number">{c.power}</td><td className="number">{count(c.shots)}</td>
            <td>{c.arn ? <CopyText text={c.arn} show={`…${c.arn.slice(-12)}`} /> : <span className="muted">not created</span>}</td>
            <td className="wide">{c.result ? <Tag mark="✓" tone="ok">Counts are here</Tag> : c.status ? <>{c.status}{c.queue ? `, place ${c.queue} in the queue` : ''}{c.reason ? `: ${c.reason}` : ''}</> : <span className="muted">—</span>}</td></tr>
        ))}</tbody>
      </table>
    </div>
  )
}

/** What can be done with a job now, and why not what cannot. */
function Steps({ job }: { job: Job }) {
  const may = useMay()
  const settings = useDeviceSettings().data
  const step = useStep()
  const [offer, setOffer] = useState<Offer>()
  const [dialog, setDialog] = useState<'export' | 'cancel'>()
  if (!may('estimate.submit') || !settings) return null
  const here = !settings.unreachable
  const ask = () => step.take(async () => setOffer((await api.post('/api/v1/quantum-jobs/{id}/quote', { path: { id: job.id } })).data as Offer), '')
  const follow = () => step.take(() => api.post('/api/v1/quantum-jobs/{id}/refresh', { path: { id: job.id } }), 'The device was asked')
  const due = job.circuits.some((c) => !c.arn || (c.status === 'FAILED' || c.status === 'CANCELLED'))
  const submitted = job.stage === 'submitted'
  return (
    <div className="section">
      <div className="actions">
        {here && (job.stage === 'prepared' || (submitted && due && !job.cancelling)) ? <button type="button" className={offer ? '' : 'primary'} disabled={step.busy} onClick={ask}>{offer || job.quote ? 'Ask for the price anew' : 'Ask the device for its price'}</button> : null}
        {submitted && here ? <button type="button" className={due ? '' : 'primary'} disabled={step.busy} onClick={follow}>Bring up to date</button> : null}
        {job.stage === 'prepared' ? <button type="button" className={here ? '' : 'primary'} onClick={() => setDialog('export')}>Sign for a relay …</button> : null}
        {job.stage === 'exported' ? <button type="button" onClick={() => setDialog('export')}>The signed file again …</button> : null}
        {job.stage === 'prepared' || job.stage === 'exported' ? <button type="button" onClick={() => setDialog('cancel')}>Withdraw …</button> : null}
        {submitted && here && !job.cancelling ? <button type="button" className="danger" onClick={() => setDialog('cancel')}>Cancel its tasks …</button> : null}
        {step.busy ? <span className="muted" role="status">One moment …</span> : null}
      </div>
      <Explained job={job} unreachable={settings.unreachable} asked={offer !== undefined} />
      {step.failure ? <Failure error={step.failure} /> : null}
      {offer ? <Quoted offer={offer} job={job} /> : null}
      {dialog === 'export' ? <Export job={job} onClose={() => setDialog(undefined)} /> : null}
      {dialog === 'cancel' ? <Cancel job={job} onClose={() => setDialog(undefined)} /> : null}
    </div>
  )
}

/** What the state of a job means for whoever leads it. */
function Explained({ job, unreachable, asked }: { job: Job; unreachable: string | undefined; asked: boolean }) {
  if (job.stage === 'exported') return <p className="hint">Its file is with a relay. The relay’s answer is taken in above; until then the job is not submitted from here, and its highest price counts against the limit.</p>
  if (job.stage === 'submitted') return <p className="hint">{unreachable ? `It cannot be followed from here now: ${unreachable}.` : 'Each asking is a request that leaves and stands in the record below; a device may keep tasks in its queue for hours.'}</p>
  if (job.stage !== 'prepared') return null
  if (unreachable) return <p className="hint">It cannot be sent from here: {unreachable}.</p>
  return asked ? null : <p className="hint">Asking for the price is the first request that leaves; it holds no circuit. {job.quote ? 'The bytes of the last quote are shown again, and can be agreed to, when it is asked for anew.' : ''}</p>
}

/** Takes a step with a job, and says what came of it. */
function useStep() {
  const refresh = useRefresh()
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<ApiError>()
  const take = (send: () => Promise<unknown>, done: string) => {
    setBusy(true)
    setFailure(undefined)
    void send().then(() => { if (done) toast(done) }).catch((e: unknown) => {
      if (e instanceof ApiError) setFailure(e)
      else if (!(e instanceof Cancelled)) throw e
    }).finally(() => { setBusy(false); void refresh(...afterStep) })
  }
  return { busy, failure, take }
}

function Cancel({ job, onClose }: { job: Job; onClose: () => void }) {
  const refresh = useRefresh()
  const submitted = job.stage === 'submitted'
  const send = async () => {
    try {
      await api.post('/api/v1/quantum-jobs/{id}/cancel', { path: { id: job.id } })
    } finally {
      await refresh(...afterStep)
    }
    toast(submitted ? 'Its tasks are being cancelled' : 'Job withdrawn')
    onClose()
  }
  return (
    <Dialog title={submitted ? 'Cancel the job’s tasks' : 'Withdraw the job'} open onClose={onClose}>
      <p>{submitted ? 'Tasks that have not ended are cancelled. What ran is charged, and no estimate comes of it.' : job.stage === 'exported' ? 'No answer to it is taken in any more. Its file may still be run by whoever holds it, so its highest price goes on counting against the limit.' : 'Its circuits are forgotten. Nothing of it has left.'}</p>
      <Form button={submitted ? 'Cancel the tasks' : 'Withdraw'} danger send={send} after={<button type="button" onClick={onClose}>Back</button>}>{() => null}</Form>
    </Dialog>
  )
}

/** The device's answer beside what it is held against. */
function Answered({ job, report, devices }: { job: Job; report: Report; devices: readonly Device[] }) {
  const device = deviceOf(report.device, devices)
  const shown = (v: number | undefined) => figure(job.question, v)
  const e = report.estimate
  const holds = e?.intervals.some((i) => i.low <= report.exact && report.exact <= i.high)
  return (
    <>
      <div className="scroll" tabIndex={0} role="region" aria-label="Answer beside the exact sum">
        <table>
          <caption className="unseen">Answer beside the exact sum</caption>
          <thead><tr><th scope="col">Of</th><th scope="col" className="number">Value</th><th scope="col">Interval</th><th scope="col" className="number">Shots</th><th scope="col">Backend</th></tr></thead>
          <tbody>
            <tr><td>Exact sum of the bins</td><td className="number">{shown(report.exact)}</td><td>—</td><td className="number">—</td><td>this host</td></tr>
            <tr><td>Device without noise</td><td className="number">{shown(job.expected.value)}</td><td>{shown(job.expected.low)} – {shown(job.expected.high)}</td><td className="number">{count(report.shots)}</td><td>simulator on this host</td></tr>
            <tr className="chosen"><td><strong>Device</strong></td><td className="number"><strong>{e ? shown(e.value) : '—'}</strong></td>
              <td>{e ? <>{e.intervals.map((i) => `${shown(i.low)} – ${shown(i.high)}`).join(' or ')} at {share(e.confidence, 0)} {holds ? <Tag mark="✓" tone="ok">holds the exact sum</Tag> : <Tag mark="✕" tone="warn">does not hold it</Tag>}</> : report.no_estimate}</td>
              <td className="number">{count(report.shots)}</td><td>{device.name} <Tag mark={report.simulated ? '○' : '◆'} tone={report.simulated ? 'muted' : 'accent'}>{report.simulated ? 'simulator of the provider' : 'quantum hardware'}</Tag></td></tr>
          </tbody>
        </table>
      </div>
      {e ? null : <Notice tone="warn"><strong>The counts allow no estimate.</strong> {report.no_estimate}</Notice>}
      <p className="small muted">{report.provenance}. {count(report.tasks.length)} tasks, quoted {report.quote_usd} USD; {count(report.queries)} queries, {count(report.queries_with_calibration)} with calibration.{report.noise ? ` Probability of the fit of the noise ${share(report.noise.probability, 1)}, refused below ${share(report.noise.gate, 0)}.` : ''} {report.note}</p>
    </>
  )
}
