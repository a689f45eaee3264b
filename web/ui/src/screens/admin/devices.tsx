// Quantum devices: what may be spent on them, which relays are trusted, and the key by which relays know the tenant's jobs.
import { useState } from 'react'
import { api, type Schemas } from '../../api/client'
import { useMay, useRead, useRefresh } from '../../api/queries'
import { Dialog } from '../../parts/dialog'
import { Form, TextField } from '../../parts/form'
import { Facts } from '../../parts/state'
import { CopyText, Empty, Notice, Ready } from '../../parts/states'
import { toast } from '../../parts/toast'
import { Confirm } from './once'
import { Setting } from './setting'

type Settings = Schemas['QuantumSettings']
type Relay = Schemas['QuantumRelay']

const path = '/api/v1/quantum-settings'

export function Devices() {
  const settings = useRead(path, {})
  return <Ready of={settings} rows={6}>{({ data, etag }) => <Shown of={data} etag={etag} />}</Ready>
}

function Shown({ of: s, etag }: { of: Settings; etag: string | undefined }) {
  const may = useMay()
  const [deed, setDeed] = useState<'limit' | 'add' | Relay>()
  const refresh = useRefresh()
  const relays = s.relays as Relay[]
  /** The settings as they shall be: what is not said is as it was. */
  const change = async (to: { limit?: string | undefined; relays?: readonly Pick<Relay, 'name' | 'public_key'>[] }, done: string) => {
    const limit = 'limit' in to ? to.limit : s.limit_usd
    await api.put(path, { etag: etag ?? '', body: { ...(limit ? { limit_usd: limit } : {}), relays: (to.relays ?? relays).map((r) => ({ name: r.name, public_key: r.public_key })) } })
    await refresh(path, '/api/v1/audit')
    toast(done)
    setDeed(undefined)
  }
  return (
    <>
      <Notice tone={s.unreachable ? 'info' : 'ok'}><strong>{s.unreachable ? 'No device can be reached from here' : 'A device can be reached from here'}</strong>{s.unreachable ? `: ${s.unreachable}.` : '. Nothing is sent without a quote that somebody agrees to.'}</Notice>
      <section className="section">
        <Setting name="Spending limit" value={s.limit_usd ? `${s.limit_usd} USD` : 'Nothing may be spent'} byDefault="nothing may be spent" verb="estimate.budget"
          about="In all, on jobs that are submitted from here and on those that a relay carries. A job whose price is above what is left is not sent, and not signed.">
          {may('estimate.budget') ? <button type="button" onClick={() => setDeed('limit')}>Change …</button> : null}
        </Setting>
        <div className="panel"><Facts of={[['Quoted for tasks created', `${s.quoted_usd} USD; the provider’s bill decides`], ['Agreed to and still to come', `${s.pending_usd} USD`]]} /></div>
      </section>
      <section className="section">
        <h2>Your key</h2>
        <div className="panel"><p className="muted">A relay runs jobs that are signed with it. Read the fingerprint to the relay over the telephone; do not carry it with the file.</p><Facts of={[['Fingerprint', <CopyText key="f" text={s.fingerprint} />], ['Public key', <CopyText key="k" text={s.public_key} />]]} /></div>
      </section>
      <section className="section">
        <div className="section-head"><h2>Relays</h2>{may('estimate.budget') ? <div className="actions"><button type="button" onClick={() => setDeed('add')}>Trust a relay …</button></div> : null}</div>
        {relays.length === 0 ? <Empty title="No relay is trusted"><p>A relay is a connected machine to which jobs are carried as files. Its answers are taken in when its key is here.</p></Empty> : (
          <ul className="plain relays">{relays.map((r) => (
            <li key={r.name} className="panel"><Facts of={[['Name', <strong key="n">{r.name}</strong>], ['Fingerprint', <CopyText key="f" text={r.fingerprint} />], ['Public key', <CopyText key="k" text={r.public_key} />]]} />
              {may('estimate.budget') ? <div className="actions"><button type="button" onClick={() => setDeed(r)}>Trust it no more …</button></div> : null}</li>
          ))}</ul>
        )}
      </section>
      {deed === 'limit' ? <Limit of={s} onClose={() => setDeed(undefined)} send={(limit) => change({ limit }, 'Limit changed')} /> : null}
      {deed === 'add' ? <Add onClose={() => setDeed(undefined)} send={(relay) => change({ relays: [...relays, relay] }, 'Relay trusted')} /> : null}
      {typeof deed === 'object' ? <Confirm title={`Trust “${deed.name}” no more`} button="Trust it no more" onClose={() => setDeed(undefined)} send={() => change({ relays: relays.filter((r) => r.name !== deed.name) }, 'Relay removed')}><p>Its answers are not taken in any more, those that are on their way neither.</p></Confirm> : null}
    </>
  )
}

function Limit({ of: s, send, onClose }: { of: Settings; send: (limit: string | undefined) => Promise<void>; onClose: () => void }) {
  return (
    <Dialog title="Change the spending limit" open onClose={onClose}>
      <p>{s.quoted_usd} USD are quoted so far and {s.pending_usd} USD pending; the limit is for all of it.</p>
      <Form button="Change" send={(data) => send(String(data.get('limit_usd')).trim() || undefined)} after={<button type="button" onClick={onClose}>Cancel</button>}>
        {(fault) => <TextField label="Limit (USD)" name="limit_usd" inputMode="decimal" autoComplete="off" defaultValue={s.limit_usd ?? ''} hint="As 500.00. Empty: nothing may be spent." fault={fault('limit_usd')} />}
      </Form>
    </Dialog>
  )
}

function Add({ send, onClose }: { send: (relay: Pick<Relay, 'name' | 'public_key'>) => Promise<void>; onClose: () => void }) {
  return (
    <Dialog title="Trust a relay" open onClose={onClose}>
      <p>The relay’s operator reads its key from <code>qrsd relay key</code>. Compare the fingerprint over the telephone afterwards.</p>
      <Form button="Trust it" send={(data) => send({ name: String(data.get('name')).trim(), public_key: String(data.get('public_key')).trim() })} after={<button type="button" onClick={onClose}>Cancel</button>}>
        {(fault) => <>
          <TextField label="Name" name="name" required maxLength={40} autoComplete="off" hint="One word, by which its answers are told" fault={fault('name')} />
          <TextField label="Public key" name="public_key" required className="mono" autoComplete="off" spellCheck={false} placeholder="ed25519:…" fault={fault('public_key')} />
        </>}
      </Form>
    </Dialog>
  )
}
