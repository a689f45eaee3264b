// Health: what the doctor found of appliance and host, line by line, and what to do.
import { useGet } from '../../api/queries'
import type { Schemas } from '../../api/client'
import { clock, count, time } from '../../format'
import { Tag, Time } from '../../parts/state'
import { Notice, Ready } from '../../parts/states'
import { useUrlChoice } from '../../url'
import { found, states, verdict } from './findings'

type Finding = Schemas['Finding']

export function Health() {
  // The disk is measured for it: looked at when the section is opened and when somebody asks, not with every return to the window.
  const doctor = useGet('/api/v1/system/doctor', {}, { refetchOnWindowFocus: false })
  return (
    <section className="section">
      <div className="section-head">
        <h2>What was found</h2>
        <div className="actions">
          {doctor.data ? <span className="muted small" aria-live="polite">Looked at <Time at={doctor.data.at} show={clock(doctor.data.at)} /></span> : null}
          <button type="button" disabled={doctor.isFetching} onClick={() => void doctor.refetch()}>{doctor.isFetching ? 'Looking …' : 'Look again'}</button>
        </div>
      </div>
      {doctor.error?.kind === 'not-found' ? <Notice>{doctor.error.message}.</Notice> : (
        <>
          {doctor.data && doctor.error ? <Notice tone="warn"><strong>It could not be looked at again:</strong> {doctor.error.message}. Below is what was found at {time(doctor.data.at)}.</Notice> : null}
          <Ready of={doctor} rows={12}>{(d) => <Findings of={d} />}</Ready>
        </>
      )}
    </section>
  )
}

const choices = ['all', 'attention'] as const

function Findings({ of: d }: { of: Schemas['Doctor'] }) {
  const [which, choose] = useUrlChoice('lines', choices)
  const counts = found(d.findings)
  const lines = which === 'attention' ? d.findings.filter((f) => f.state !== 'ok') : d.findings
  const { tone, text } = verdict(d.worst)
  return (
    <>
      <Notice tone={tone}><strong>{text}</strong> Of {count(d.findings.length)} lines {counts.map(([state, n], i) => <span key={state}>{i > 0 ? ', ' : ''}{count(n)} {states[state].many}</span>)}. Nothing is mended by looking, and no line is about a tenant's data.</Notice>
      <fieldset className="choice"><legend className="unseen">Lines</legend>
        <label><input type="radio" name="lines" checked={which === 'all'} onChange={() => choose('all')} /> All lines</label>
        <label><input type="radio" name="lines" checked={which === 'attention'} onChange={() => choose('attention')} /> What is not in order</label>
      </fieldset>
      {lines.length === 0 ? <p className="muted">Everything is in order.</p> : <ul className="findings" aria-label="Findings">{lines.map((f) => <Line key={f.check} of={f} />)}</ul>}
      <p className="muted small">From a shell: <code>qrsd doctor</code>, which ends with 1 after a failure and with 3 where a log or the anchor does not verify. Figures of a monitor are at <code>/readyz?verbose</code> and <code>/metrics</code>.</p>
    </>
  )
}

function Line({ of: f }: { of: Finding }) {
  const { mark, word, tone } = states[f.state]
  return (
    <li>
      <Tag mark={mark} tone={tone}>{word}</Tag>
      <h3>{f.check}</h3>
      <p>{f.found}</p>
      {f.advice ? <p className="advice"><strong>What to do:</strong> {f.advice}</p> : null}
    </li>
  )
}
