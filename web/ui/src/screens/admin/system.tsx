// The appliance: its state, its mode, its store; locking it.
import { useState } from 'react'
import { api } from '../../api/client'
import { useMay, useRead, useRefresh } from '../../api/queries'
import { bytes, count } from '../../format'
import { Dialog } from '../../parts/dialog'
import { Form } from '../../parts/form'
import { Facts, Tag, Time } from '../../parts/state'
import { CopyText, Notice, Ready } from '../../parts/states'
import { toast } from '../../parts/toast'
import { Confirm } from './once'
import { Setting } from './setting'

const modes = [
  ['air-gapped', 'Air-gapped', 'It opens no connection to any other host.'],
  ['hybrid', 'Hybrid', 'It connects to the destinations of its configuration, and to no others.'],
  ['connected', 'Connected', 'It connects to all that it knows.'],
] as const

export function System() {
  const system = useRead('/api/v1/system', {})
  const may = useMay()
  const refresh = useRefresh()
  const [deed, setDeed] = useState<'mode' | 'lock'>()
  return (
    <Ready of={{ data: system.data, error: system.error, refetch: system.refetch }} rows={8}>{({ data: s, etag }) => (
      <>
        <section className="section">
          <Setting name="Mode" value={modes.find(([m]) => m === s.mode)?.[1] ?? s.mode} byDefault="air-gapped" verb="setting.change" about={modes.find(([m]) => m === s.mode)?.[2] ?? 'How far the appliance reaches.'}>
            {may('setting.change') ? <button type="button" onClick={() => setDeed('mode')}>Change …</button> : null}
          </Setting>
        </section>
        <section className="section">
          <h2>Appliance</h2>
          <div className="panel"><Facts of={[['Status', s.status === 'ready' ? <Tag key="s" mark="●" tone="ok">Ready</Tag> : <Tag key="s" mark="✕" tone="error">Locked</Tag>], ['Version', s.version ?? '—']]} /></div>
        </section>
        {s.store ? (
          <section className="section">
            <h2>Store</h2>
            {s.store.read_only ? <Notice tone="error"><strong>The disk is nearly full.</strong> Signing in, reading and exporting work; changes do not until there is space again.</Notice> : null}
            <div className="panel"><Facts of={[
              ['Installation', <CopyText key="i" text={s.store.install} />], ['Since', <Time key="c" at={s.store.created} />],
              ['Database', `${bytes(s.store.database_bytes)}, of which ${bytes(s.store.database_free_bytes)} to be used again`], ['Free on its disk', bytes(s.store.disk_free_bytes)],
              ['Last checkpoint in the anchor', <Time key="a" at={s.store.anchored} />], ['Tenants', `${count(s.store.tenants)}${s.store.erased_tenants ? `, and ${count(s.store.erased_tenants)} erased` : ''}`],
              ['Keys older than 90 days', s.store.rotation_due > 0 ? <Tag key="r" mark="!" tone="warn">{`of ${count(s.store.rotation_due)} owners`}</Tag> : 'none'], ['Entries of the appliance\'s log', count(s.store.audit_entries)],
            ]} /></div>
          </section>
        ) : null}
        {may('store.lock') ? (
          <section className="section">
            <h2>Lock</h2>
            <div className="panel setting"><p>Locking forgets the keys. What is running fails, what was acknowledged is on disk, and nobody can sign in until somebody unlocks it with a passphrase or the recovery code.</p><div className="actions"><button type="button" className="danger" onClick={() => setDeed('lock')}>Lock the store …</button></div></div>
          </section>
        ) : null}
        {deed === 'mode' ? (
          <Dialog title="Change the mode" open onClose={() => setDeed(undefined)}>
            <Form button="Change the mode" after={<button type="button" onClick={() => setDeed(undefined)}>Cancel</button>} send={async (data) => {
              await api.put('/api/v1/system/mode', { etag, body: { mode: String(data.get('mode')) as 'hybrid' } })
              await refresh('/api/v1/system', '/api/v1/audit', '/api/v1/trust')
              toast('Mode changed')
              setDeed(undefined)
            }}>{() => <fieldset className="modes"><legend className="unseen">Mode</legend>{modes.map(([m, text, what]) => <label key={m}><input type="radio" name="mode" value={m} defaultChecked={m === s.mode} /> <span><strong>{text}</strong><br /><span className="muted">{what}</span></span></label>)}</fieldset>}</Form>
          </Dialog>
        ) : null}
        {deed === 'lock' ? <Confirm title="Lock the store" button="Lock" word="lock" onClose={() => setDeed(undefined)} send={async () => {
          await api.post('/api/v1/system/lock', {})
          location.assign('/sign-in')
        }}><p>Everybody is signed out, and every run that is at work fails.</p></Confirm> : null}
      </>
    )}</Ready>
  )
}
