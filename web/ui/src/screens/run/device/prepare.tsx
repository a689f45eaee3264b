// Preparing a job: which figure of the run, on which device, by how many circuits. Nothing leaves by it.
import { useState } from 'react'
import { api, newKey, type Schemas } from '../../../api/client'
import { useRefresh } from '../../../api/queries'
import { Dialog } from '../../../parts/dialog'
import { Form, SelectField, TextField } from '../../../parts/form'
import { Ready } from '../../../parts/states'
import { toast } from '../../../parts/toast'
import { afterStep, choicesOf, figure, kindName, panelName, useQuestions, type Device, type Job, type Question } from './jobs'

/** panel and kind are what the reader looks at, where it can be asked. */
export function Prepare({ run, panel, onClose, onDone }: { run: string; panel: string; onClose: () => void; onDone: (job: Job) => void }) {
  const questions = useQuestions(run)
  return (
    <Dialog title="Prepare a job for a device" open onClose={onClose} wide>
      <Ready of={questions} rows={5}>{(q) => <Asking run={run} panel={panel} questions={q.items as Question[]} devices={q.devices as Device[]} leaves={q.leaves} onClose={onClose} onDone={onDone} />}</Ready>
    </Dialog>
  )
}

function Asking({ run, panel: first, questions, devices, leaves, onClose, onDone }: { run: string; panel: string; questions: readonly Question[]; devices: readonly Device[]; leaves: string; onClose: () => void; onDone: (job: Job) => void }) {
  const refresh = useRefresh()
  const [key] = useState(newKey)
  const panels = choicesOf(questions, 'panel')
  const [panel, setPanel] = useState(panels.includes(first) ? first : panels[0] ?? '')
  const [kind, setKind] = useState('exceedance')
  const [period, setPeriod] = useState('100')
  const kinds = choicesOf(questions, 'kind', { panel })
  const asked = kinds.includes(kind) ? kind : kinds[0] ?? ''
  const periods = choicesOf(questions, 'period', { panel, kind: asked })
  const years = periods.includes(period) ? period : periods.at(-1) ?? ''
  const question = questions.find((q) => q.name === `${panel}/${asked}/${years}`)
  const send = async (data: FormData) => {
    const body: Schemas['NewQuantumJob'] = {
      run, question: question?.name ?? '', device: String(data.get('device')), qubits: Number(data.get('qubits')), shots: Number(data.get('shots')), twins: Number(data.get('twins')),
      powers: String(data.get('powers')).split(/[\s,;]+/).filter(Boolean).map(Number),
    }
    const job = (await api.post('/api/v1/quantum-jobs', { body, key })).data as Job
    await refresh(...afterStep)
    toast('Job prepared; nothing has left')
    onDone(job)
  }
  return (
    <Form button="Prepare the job" send={send} after={<button type="button" onClick={onClose}>Cancel</button>}>{(fault) => (
      <>
        <div className="three">
          <SelectField label="Distribution" value={panel} onChange={(e) => setPanel(e.target.value)} fault={fault('question')}>{panels.map((p) => <option key={p} value={p}>{panelName(p)}</option>)}</SelectField>
          <SelectField label="Figure" value={asked} onChange={(e) => setKind(e.target.value)}>{kinds.map((k) => <option key={k} value={k}>{kindName(k)}</option>)}</SelectField>
          <SelectField label="Return period (years)" value={years} onChange={(e) => setPeriod(e.target.value)}>{periods.map((p) => <option key={p} value={p}>{p}</option>)}</SelectField>
        </div>
        {question ? <p className="hint">{question.text}. By adding up the bins it is <strong>{figure(question.name, question.exact)}</strong>: the device is held against that.</p> : null}
        <SelectField label="Device" name="device" defaultValue="forte-1" fault={fault('device')}>{devices.map((d) => <option key={d.arn} value={d.name}>{d.name} ({d.hardware ? 'quantum hardware' : 'simulator of the provider'})</option>)}</SelectField>
        <details className="more"><summary>Circuits</summary>
          <div className="three">
            <TextField label="Loss qubits n" name="qubits" type="number" min={1} defaultValue={3} inputMode="numeric" hint="The losses are sent in 2^n bins; noise grows with them" fault={fault('qubits')} />
            <TextField label="Powers" name="powers" defaultValue="0, 1, 2" hint="Of the Grover operator, rising" fault={fault('powers')} />
            <TextField label="Shots of each circuit" name="shots" type="number" min={1} defaultValue={500} inputMode="numeric" fault={fault('shots')} />
            <TextField label="Calibration twins for each power" name="twins" type="number" min={0} defaultValue={1} inputMode="numeric" hint="Circuits of the same gates with a known answer" fault={fault('twins')} />
          </div>
        </details>
        <p className="hint">Nothing leaves by preparing. What would leave later is {leaves}.</p>
      </>
    )}</Form>
  )
}
