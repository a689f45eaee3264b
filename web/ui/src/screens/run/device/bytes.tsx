// The exact bytes: of a job before it leaves, of requests that a quote is of, of lines of the record.
import { useEffect, useRef, useState, type ReactNode } from 'react'
import type { Schemas } from '../../../api/client'
import { useGet } from '../../../api/queries'
import { bytes, count } from '../../../format'
import { Choice, SelectField } from '../../../parts/form'
import { Facts } from '../../../parts/state'
import { CopyText, Ready } from '../../../parts/states'
import { rawSize, shownBytes } from '../../admin/payload'
import { sizeOf, type Job } from './jobs'

type Circuit = Schemas['QuantumCircuit']

const members = [['source', 'Circuit'], ['action', 'Member “action”'], ['device_parameters', 'Member “deviceParameters”']] as const

/** The circuits of a job, each as it leaves: its text, and the members of the request that hold it. */
export function Circuits({ job }: { job: Job }) {
  const preview = useGet('/api/v1/quantum-jobs/{id}/preview', { path: { id: job.id } })
  if (job.stage === 'withdrawn') return <p>The circuits of a job that was withdrawn are not kept.</p>
  return <Ready of={preview} rows={6}>{(p) => <OneOf circuits={p.circuits as Circuit[]} leaves={p.leaves} />}</Ready>
}

function OneOf({ circuits, leaves }: { circuits: readonly Circuit[]; leaves: string }) {
  const [at, setAt] = useState(0)
  const [member, setMember] = useState<(typeof members)[number][0]>('source')
  const circuit = circuits[at] ?? circuits[0]
  if (!circuit) return <p>It has no circuits.</p>
  const text = circuit[member]
  return (
    <div className="bytes">
      <p className="hint">What leaves is {leaves}. {count(circuits.length)} circuits, {bytes(circuits.reduce((n, c) => n + sizeOf(c.action) + sizeOf(c.device_parameters), 0))} of actions and parameters in all; calibration twins look like the others, and they are shuffled.</p>
      <div className="controls">
        <SelectField label="Circuit" value={String(at)} onChange={(e) => setAt(Number(e.target.value))}>{circuits.map((c, i) => <option key={c.sha256} value={i}>{i + 1} of {circuits.length}: power {c.power}, {c.shots} shots, {c.gates} gates on {c.qubits} qubits</option>)}</SelectField>
        <Choice legend="Member" value={member} choices={members} onChange={setMember} />
      </div>
      {text === '' ? <p>It has none.</p> : <Text label={`Exact bytes of circuit ${at + 1}`} text={text} note={member === 'source' ? <>OpenQASM 3 · {bytes(sizeOf(text))} · SHA-256 <CopyText text={circuit.sha256} /></> : <>{bytes(sizeOf(text))}</>} />}
    </div>
  )
}

/** The requests of a quote, byte for byte but for the headers of their signatures. */
export function Requests({ requests }: { requests: readonly string[] }) {
  const [at, setAt] = useState(0)
  const text = requests[at] ?? ''
  return (
    <div className="bytes">
      <SelectField label="Request" value={String(at)} onChange={(e) => setAt(Number(e.target.value))}>{requests.map((r, i) => <option key={i} value={i}>{i + 1} of {requests.length}: {r.split('\r\n', 1)[0]}, {bytes(sizeOf(r))}</option>)}</SelectField>
      <Text label={`Exact bytes of request ${at + 1}`} text={text} note={<>{bytes(sizeOf(text))}, without the headers of its signature, which is made when it is sent</>} />
    </div>
  )
}

/** A text to the byte. */
export function Text({ label, text, note }: { label: string; text: string; note: ReactNode }) {
  return <><p className="small muted">{note}</p><pre className="exact" tabIndex={0} role="region" aria-label={label}>{text}</pre></>
}

/** A line of the record of what left, to the byte. */
export function OneLine({ line, onClose }: { line: Schemas['EgressEntry']; onClose: () => void }) {
  const all = useRef<HTMLElement>(null)
  useEffect(() => { all.current?.scrollIntoView({ block: 'nearest' }) }, [])
  const size = bytes(rawSize(line.bytes))
  return (
    <aside ref={all} className="panel job" aria-label={`Line ${line.number}`}>
      <div className="section-head"><h3>Line {line.number}: {line.kind}{line.purpose ? ` ${line.purpose}` : ''}</h3><button type="button" className="icon" aria-label="Close the line" onClick={onClose}>✕</button></div>
      <Facts of={[['SHA-256', <CopyText key="s" text={line.sha256} />], ['Line', <CopyText key="h" text={line.hash} />], ['Line before', <CopyText key="p" text={line.previous} />], ...(line.failure ? [['Failure', line.failure] as const] : [])]} />
      <Text label={`Exact bytes of line ${line.number}`} text={shownBytes(line.bytes)} note={line.kind === 'outcome' ? `${size} that came back` : `${size} as they left`} />
    </aside>
  )
}
