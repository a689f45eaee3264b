// Jobs of this run for quantum devices: whether a device can be reached, what may be spent, the jobs, and the one that is looked at.
import { useMemo, useState } from 'react'
import { Link, useLocation } from 'wouter'
import type { Schemas } from '../../../api/client'
import { useList, useMay } from '../../../api/queries'
import { count } from '../../../format'
import { Time } from '../../../parts/state'
import { Failure, Loading, Notice, sentence } from '../../../parts/states'
import { Table, type Column } from '../../../parts/table'
import { useUrlState } from '../../../url'
import { OneJob, StageTag } from './job'
import { deviceOf, figure, questionLine, reportOf, useDeviceSettings, useQuestions, type Device, type Job } from './jobs'
import { Prepare } from './prepare'
import { Import } from './relay'
import './device.css'

/** panel: the distribution that the reader looks at, as questions name it. kept: the run has an estimate, of which questions are made. */
export function Devices({ run, panel, kept }: { run: Schemas['Run']; panel: string; kept: boolean }) {
  const may = useMay()
  if (!may('estimate.read')) return null
  return <OnDevices run={run} panel={panel} kept={kept} submits={may('estimate.submit')} />
}

function OnDevices({ run, panel, kept, submits }: { run: Schemas['Run']; panel: string; kept: boolean; submits: boolean }) {
  const settings = useDeviceSettings()
  const [chosen, choose] = useUrlState('job')
  const [, navigate] = useLocation()
  const [dialog, setDialog] = useState<'prepare' | 'import'>()
  const show = (job: Job) => {
    setDialog(undefined)
    if (job.run === run.id) choose(job.id)
    else navigate(`/runs/${job.run}?tab=quantum&job=${job.id}`) // the answer was to a job of another run
  }
  return (
    <section className="section" aria-labelledby="on-devices">
      <div className="section-head"><h2 id="on-devices">On a quantum device</h2>
        {submits && !settings.error ? <div className="actions">{kept ? <button type="button" className="primary" onClick={() => setDialog('prepare')}>Prepare a job …</button> : null}<button type="button" onClick={() => setDialog('import')}>Take an answer in …</button></div> : null}
      </div>
      {settings.error ? <Failure error={settings.error} /> : settings.data ? <Reach settings={settings.data} /> : <Loading rows={2} />}
      {settings.data ? <Jobs run={run.id} kept={kept} chosen={chosen} choose={choose} /> : null}
      {dialog === 'prepare' ? <Prepare run={run.id} panel={panel} onClose={() => setDialog(undefined)} onDone={show} /> : null}
      {dialog === 'import' ? <Import onClose={() => setDialog(undefined)} onDone={show} /> : null}
    </section>
  )
}

/** Whether a device can be reached from here, why not, and what may be spent. */
function Reach({ settings: s }: { settings: Schemas['QuantumSettings'] }) {
  const may = useMay()
  const admin = <Link href="/admin/quantum">Admin, Quantum devices</Link>
  return (
    <Notice tone={s.unreachable ? 'info' : 'ok'}>
      <strong>{s.unreachable ? 'No device can be reached from here.' : 'A device can be reached from here.'}</strong> {s.unreachable ? <>{sentence(s.unreachable)} {may('setting.change') ? <Link href="/admin/system">Admin, System</Link> : null}</> : 'Nothing is sent without a quote that somebody agrees to.'}
      <p className="small">{s.limit_usd ? <>Of <strong>{s.limit_usd} USD</strong> that may be spent, {s.quoted_usd} USD are quoted and {s.pending_usd} USD pending.</> : <>No limit is set: <strong>nothing may be spent</strong>, by a relay neither.</>} {s.relays.length === 0 ? 'No relay is trusted.' : `Trusted relays: ${s.relays.map((r) => r.name).join(', ')}.`} {may('setting.read') ? admin : null}</p>
    </Notice>
  )
}

function Jobs({ run, kept, chosen, choose }: { run: string; kept: boolean; chosen: string; choose: (job: string) => void }) {
  const list = useList('/api/v1/quantum-jobs', { query: { run, limit: 50 } })
  const known = useQuestions(run, kept).data?.devices
  const devices = useMemo(() => (known ?? []) as Device[], [known])
  const jobs = list.items as Job[]
  const columns = useMemo((): Column<Job>[] => [
    { id: 'prepared', header: 'Prepared (UTC)', value: (j) => j.prepared, cell: (j) => <Time at={j.prepared} bare /> },
    { id: 'question', header: 'Question', value: (j) => questionLine(j.question) },
    { id: 'device', header: 'Backend', value: (j) => deviceOf(j.device, devices).name },
    { id: 'stage', header: 'State', value: (j) => j.stage, cell: (j) => <StageTag job={j} /> },
    { id: 'shots', header: 'Shots', number: true, value: (j) => j.shots, cell: (j) => count(j.shots) },
    { id: 'quoted', header: 'Quoted (USD)', number: true, value: (j) => Number(j.quoted_usd), cell: (j) => j.quoted_usd },
    { id: 'exact', header: 'Exact sum', number: true, value: (j) => reportOf(j)?.exact, cell: (j) => figure(j.question, reportOf(j)?.exact) },
    { id: 'answer', header: 'Device', number: true, value: (j) => reportOf(j)?.estimate?.value, cell: (j) => <strong>{figure(j.question, reportOf(j)?.estimate?.value)}</strong> },
  ], [devices])
  if (list.error) return <Failure error={list.error} retry={list.refetch} />
  if (list.isLoading) return <Loading rows={3} />
  const job = jobs.find((j) => j.id === chosen)
  return (
    <>
      {jobs.length === 0 ? <p className="muted">{kept ? 'No job of this run was prepared yet. A job asks one figure of the run; preparing one shows every byte that would leave, and sends nothing.' : 'This run kept no estimate, of which a job could ask.'}</p>
        : <Table caption="Jobs for quantum devices" stacks columns={columns} rows={jobs} rowKey={(j) => j.id} fixedOrder more={list.more} chosen={chosen} onOpen={(j) => choose(j.id === chosen ? '' : j.id)} />}
      {job ? <OneJob key={job.id} job={job} devices={devices} onClose={() => choose('')} /> : null}
    </>
  )
}
