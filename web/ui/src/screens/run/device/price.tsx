// The price of a job: asked of the device, looked at with every byte that it is for, and agreed to by somebody who has just shown who it is.
import { useState } from 'react'
import { Link } from 'wouter'
import { api, type Schemas } from '../../../api/client'
import { useMay, useRefresh } from '../../../api/queries'
import { count } from '../../../format'
import { Dialog } from '../../../parts/dialog'
import { Form } from '../../../parts/form'
import { Facts, Time } from '../../../parts/state'
import { CopyText, Notice } from '../../../parts/states'
import { toast } from '../../../parts/toast'
import { Requests } from './bytes'
import { afterStep, useDeviceSettings, type Job } from './jobs'

export type Offer = Schemas['QuantumOffer']

/** What the device answered, and the requests that are agreed to with it. */
export function Quoted({ offer, job }: { offer: Offer; job: Job }) {
  const [agreeing, setAgreeing] = useState(false)
  const settings = useDeviceSettings().data
  const may = useMay()
  return (
    <section className="section" aria-label="Quote">
      <h4>The device’s quote</h4>
      <Facts of={[
        ['Price', <strong key="p">{offer.quote.total_usd} USD</strong>], ['For', `${count(offer.quote.tasks)} tasks at ${offer.task_usd} USD, ${count(offer.shots)} shots, ${offer.unit_usd} USD by the ${offer.unit}`],
        ['Device', `${offer.device_name}, ${offer.device_status}${offer.queue ? `, ${offer.queue} tasks wait for it` : ''}`], ['Asked', <Time key="t" at={offer.quote.at} />],
        ['Digest of price and bytes', <CopyText key="d" text={offer.quote.digest} />],
      ]} />
      <Requests requests={offer.requests} />
      {settings && !settings.limit_usd ? <Notice tone="warn"><strong>No limit is set, so nothing may be spent.</strong> {may('estimate.budget') ? <Link href="/admin/quantum">Set one in Admin</Link> : 'An administrator sets one in Admin, Quantum devices.'}</Notice> : null}
      <div className="actions"><button type="button" className="primary" disabled={!settings?.limit_usd} onClick={() => setAgreeing(true)}>Agree and submit …</button></div>
      {agreeing ? <Agree offer={offer} job={job} onClose={() => setAgreeing(false)} /> : null}
    </section>
  )
}

function Agree({ offer, job, onClose }: { offer: Offer; job: Job; onClose: () => void }) {
  const refresh = useRefresh()
  const send = async () => {
    try {
      await api.post('/api/v1/quantum-jobs/{id}/confirm', { path: { id: job.id }, body: { digest: offer.quote.digest } })
    } finally {
      await refresh(...afterStep) // what was created before a fault is kept
    }
    toast('Submitted')
    onClose()
  }
  return (
    <Dialog title="Agree and submit" open onClose={onClose}>
      <p><strong>{offer.quote.total_usd} USD</strong> for {count(offer.quote.tasks)} tasks on {offer.device_name}. The provider’s bill decides. What leaves is {offer.leaves}.</p>
      <p className="small">You agree to this digest of price and bytes. The device is asked again: if either is another then, nothing is sent. <CopyText text={offer.quote.digest} /></p>
      <Form button={`Submit for ${offer.quote.total_usd} USD`} danger send={send} after={<button type="button" onClick={onClose}>Cancel</button>}>{() => null}</Form>
    </Dialog>
  )
}
