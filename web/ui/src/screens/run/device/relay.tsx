// The way over an air gap: a job's signed file is taken out to a relay, and the relay's answer is taken in.
import { useState } from 'react'
import { Link } from 'wouter'
import { api } from '../../../api/client'
import { useMay, useRefresh } from '../../../api/queries'
import { Dialog } from '../../../parts/dialog'
import { Form, TextField } from '../../../parts/form'
import { CopyText, Notice } from '../../../parts/states'
import { toast } from '../../../parts/toast'
import { afterStep, useDeviceSettings, type Job } from './jobs'

/** Signs a job and hands its file to the browser. The same job gives the same file each time. */
export function Export({ job, onClose }: { job: Job; onClose: () => void }) {
  const refresh = useRefresh()
  const may = useMay()
  const settings = useDeviceSettings().data
  const again = job.stage === 'exported'
  const [missing, setMissing] = useState(false)
  const send = async (data: FormData) => {
    const price = String(data.get('max_price_usd')).trim()
    setMissing(price === '')
    if (price === '') return
    try {
      const file = await api.file('/api/v1/quantum-jobs/{id}/export', { path: { id: job.id }, body: { max_price_usd: price } })
      save(file, `job-${job.id}.qcirc.json`)
    } finally {
      await refresh(...afterStep)
    }
    toast(again ? 'The same file once more' : 'Signed for a relay')
    onClose()
  }
  return (
    <Dialog title={again ? 'The signed file again' : 'Sign the job for a relay'} open onClose={onClose}>
      <p>The file holds the circuits, the shots, the device and the highest price, signed with your key. It is carried to a connected machine, where <code>qrsd relay run</code> sends it. {again ? null : 'After this the job is not submitted from here any more.'}</p>
      {settings && settings.relays.length === 0 ? <Notice tone="warn"><strong>No relay is trusted yet</strong>: its answer would be refused. {may('estimate.budget') ? <Link href="/admin/quantum">Name one in Admin</Link> : 'An administrator names one in Admin, Quantum devices.'}</Notice> : null}
      {settings ? <p className="small">The relay trusts your jobs by this fingerprint, to be read to it over the telephone: <CopyText text={settings.fingerprint} /></p> : null}
      <Form button={again ? 'Download again' : 'Sign and download'} send={send} after={<button type="button" onClick={onClose}>Cancel</button>}>
        {(fault) => <TextField label="Highest price (USD)" name="max_price_usd" inputMode="decimal" autoComplete="off" required defaultValue={again ? job.pending_usd : ''} fault={missing ? 'Write a price, as 120.90. The relay runs nothing above it.' : fault('max_price_usd')}
          hint={`The relay runs nothing if its quote is above it. It counts against your limit${settings?.limit_usd ? ` of ${settings.limit_usd} USD` : ''} until the answer is in.`} />}
      </Form>
    </Dialog>
  )
}

/** Hands a text to the browser as a file. */
function save(text: string, name: string) {
  const address = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}

/** Takes a relay's answer in. The file says itself which job it answers. */
export function Import({ onClose, onDone }: { onClose: () => void; onDone: (job: Job) => void }) {
  const refresh = useRefresh()
  const [file, setFile] = useState<File>()
  const [missing, setMissing] = useState(false)
  const send = async () => {
    if (!file) { setMissing(true); return }
    const job = (await api.post('/api/v1/quantum-results', { body: { file: await file.text() } })).data as Job
    await refresh(...afterStep)
    toast('Answer taken in')
    onDone(job)
  }
  return (
    <Dialog title="Take a relay’s answer in" open onClose={onClose}>
      <p>Signature, relay, job, device, circuits, shots and counts are checked before anything is changed. An answer is taken in once.</p>
      <Form button="Check and take in" send={send} after={<button type="button" onClick={onClose}>Cancel</button>}>
        {(fault) => <TextField label="File of the relay" name="file" type="file" accept=".json,application/json" hint="job.qres.json" onChange={(e) => { setFile(e.target.files?.[0]); setMissing(false) }} fault={fault('file') ?? (missing ? 'Choose the file that the relay wrote.' : undefined)} />}
      </Form>
    </Dialog>
  )
}
